//! `capabilities`: which groups stand for which capabilities.

use std::collections::BTreeMap;

use super::reader::{Node, all};
use super::rules::capability;
use crate::policy::{CapabilityGroups, Preset};

pub(super) fn read(node: &Node<'_>) -> Option<CapabilityGroups> {
    let object = node.object()?;
    let preset = object
        .get("preset")
        .map_or(Some(Preset::None), |node| node.choice(&[("none", Preset::None), ("lsst", Preset::Lsst)]));
    let prefix = object.get("group_prefix");
    let groups = object.get("groups").map_or(Some(BTreeMap::new()), |node| read_groups(&node));
    object.finish();
    let (preset, groups) = (preset?, groups?);
    let prefix = match prefix {
        None => "",
        Some(node) if preset == Preset::None && groups.is_empty() => {
            return node.problem("has no meaning without `groups` or a preset");
        }
        Some(node) => node.string()?,
    };
    Some(CapabilityGroups::new(preset, prefix, groups))
}

fn read_groups(node: &Node<'_>) -> Option<BTreeMap<String, Vec<String>>> {
    let read = |(suffix, node): (&str, Node<'_>)| Some((suffix.to_owned(), node.each(capability)?));
    all(node.object()?.entries().into_iter().map(read))
}
