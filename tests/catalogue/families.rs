//! The families of the catalogue, with every number that it has, and all rows.

use super::elsewhere::Line;
use super::row::Row;
use super::{
    a_header, a_shapes, b_encoding, b_json, c_keys, c_signatures, d_claims, d_names, d_times, e_credentials, e_schemes,
    f_spoofing, g_paths, h_protocol, j_egress, k_load, l_reliability, lines, m_leakage, n_configuration,
};

pub struct Family {
    pub letter: char,
    pub title: &'static str,
    /// The first and the last number.
    pub numbers: (u32, u32),
}

impl Family {
    pub fn ids(&self) -> impl Iterator<Item = String> {
        let (first, last) = self.numbers;
        (first..=last).map(|number| format!("{}{number:02}", self.letter))
    }
}

const fn family(letter: char, title: &'static str, first: u32, last: u32) -> Family {
    Family { letter, title, numbers: (first, last) }
}

/// Configuration has no numbers in the catalogue: those here are in the order of its list.
pub const FAMILIES: [Family; 14] = [
    family('A', "JOSE header and algorithm", 1, 16),
    family('B', "Encoding and parsing", 1, 14),
    family('C', "Signature and key material", 1, 17),
    family('D', "Claims", 0, 17),
    family('E', "Finding the credential", 1, 16),
    family('F', "Header spoofing", 1, 10),
    family('G', "Path and route confusion", 1, 15),
    family('H', "Protocol", 1, 15),
    family('I', "Browser login", 1, 22),
    family('J', "JWKS and egress", 1, 18),
    family('K', "DoS and caches", 1, 13),
    family('L', "Reliability", 1, 9),
    family('M', "Leakage", 1, 10),
    family('N', "Configuration", 1, 13),
];

/// There is no login in the filter, so that family has nothing to attack.
pub const LEFT_OUT: char = 'I';

pub fn rows() -> Vec<Row> {
    let families = [
        a_header::rows,
        a_shapes::rows,
        b_encoding::rows,
        b_json::rows,
        c_keys::rows,
        c_signatures::rows,
        d_claims::rows,
        d_times::rows,
        d_names::rows,
        e_credentials::rows,
        e_schemes::rows,
        f_spoofing::rows,
        g_paths::rows,
        h_protocol::rows,
        m_leakage::rows,
    ];
    families.into_iter().flat_map(|rows| rows()).collect()
}

/// What is shown elsewhere.
pub fn lines() -> impl Iterator<Item = &'static Line> {
    let families =
        [lines::LINES, j_egress::LINES, k_load::LINES, l_reliability::LINES, m_leakage::LINES, n_configuration::LINES];
    families.into_iter().flatten()
}
