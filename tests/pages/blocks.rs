//! The project's pages, and the blocks of YAML in them as a reader copies them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

#[derive(Debug)]
pub struct Block {
    /// `README.md:120`, for who has to mend it.
    pub place: String,
    pub value: Value,
}

/// All pages, without what is fetched or built.
pub fn pages() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The blocks of YAML of all pages.
pub fn blocks() -> Vec<Block> {
    pages().iter().flat_map(|page| blocks_of(page)).collect()
}

fn blocks_of(page: &Path) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in fs::read_to_string(page).expect("a page").lines().enumerate() {
        match (&mut open, line) {
            (None, "```yaml") => open = Some((number + 2, String::new())),
            (Some((first, text)), "```") => {
                let place = format!("{}:{first}", page.display());
                let value = serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{place}: {error}"));
                found.push(Block { place, value });
                open = None;
            }
            (Some((_, text)), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "{}: a block does not end", page.display());
    found
}

/// The filter's own configuration in a list of Envoy's filters.
pub fn plugin_configuration(block: &Value) -> Option<&Value> {
    let filters = block.get("http_filters")?.as_array()?;
    filters.iter().find_map(|filter| filter.pointer("/typed_config/config/configuration/value"))
}

/// Whether it can be loaded as it is.
pub fn is_whole(block: &Value) -> bool {
    block.get("issuers").is_some() && block.get("rules").is_some()
}
