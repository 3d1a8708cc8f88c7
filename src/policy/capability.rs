//! Capabilities that come from groups (DMTN-094 §2.6).

use std::collections::{BTreeMap, BTreeSet};

/// The table of DMTN-094 §2.6: what a capability group's suffix stands for.
const LSST: [(&str, &[&str]); 10] = [
    ("img", &["read:image"]),
    ("img_md", &["read:image/md"]),
    ("tap", &["read:tap"]),
    ("tap_efd", &["read:tap/efd"]),
    ("tap_usr", &["read:tap/user", "write:tap/user"]),
    ("tap_hist", &["read:tap/history"]),
    ("ws", &["read:workspace"]),
    ("ws_usr", &["read:workspace/user", "write:workspace/user"]),
    ("portal", &["exec:portal"]),
    ("nb", &["exec:notebook"]),
];

/// The same table's "API Access: No".
const LSST_INTERACTIVE: [&str; 2] = ["exec:portal", "exec:notebook"];

/// Which groups stand for which capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapabilityGroups {
    /// By the group's whole name.
    by_group: BTreeMap<String, Vec<String>>,
    /// Capabilities that only a user who logged in holds, not a token made for programs.
    interactive: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preset {
    #[default]
    None,
    Lsst,
}

impl CapabilityGroups {
    /// `own` is by suffix, and takes the place of what the preset says of the same suffix.
    pub fn new(preset: Preset, prefix: &str, own: BTreeMap<String, Vec<String>>) -> Self {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let (mut by_suffix, interactive) = match preset {
            Preset::None => (BTreeMap::new(), BTreeSet::new()),
            Preset::Lsst => (
                LSST.iter().map(|(suffix, names)| ((*suffix).to_owned(), owned(names))).collect(),
                LSST_INTERACTIVE.iter().map(|&name| name.to_owned()).collect(),
            ),
        };
        by_suffix.extend(own);
        let by_group = by_suffix.into_iter().map(|(suffix, names)| (format!("{prefix}{suffix}"), names)).collect();
        Self { by_group, interactive }
    }

    /// What membership in this group stands for.
    pub fn of(&self, group: &str) -> &[String] {
        self.by_group.get(group).map_or(&[], Vec::as_slice)
    }

    /// Whether no group stands for anything.
    pub fn is_empty(&self) -> bool {
        self.by_group.is_empty()
    }

    pub fn is_interactive(&self, capability: &str) -> bool {
        self.interactive.contains(capability)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_stands_for_what_its_suffix_says() {
        let own = BTreeMap::from([
            ("tap".to_owned(), vec!["read:tap".to_owned(), "read:tap/efd".to_owned()]),
            ("x".to_owned(), vec!["y".to_owned()]),
        ]);
        let groups = CapabilityGroups::new(Preset::Lsst, "int_", own);
        for (group, want) in [
            ("int_tap_usr", &["read:tap/user", "write:tap/user"][..]),
            ("int_tap", &["read:tap", "read:tap/efd"]),
            ("int_x", &["y"]),
            ("tap_usr", &[]),
            ("int_", &[]),
            ("int_tapx", &[]),
            ("int_int_tap", &[]),
            ("INT_tap", &[]),
        ] {
            assert_eq!(groups.of(group), want, "{group}");
        }
        assert!(groups.is_interactive("exec:portal") && !groups.is_interactive("read:tap"));
        assert!(!CapabilityGroups::default().is_interactive("exec:portal"));
    }
}
