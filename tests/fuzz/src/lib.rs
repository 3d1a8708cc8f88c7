//! What the fuzz targets share.

#[path = "../../support/alone.rs"]
pub mod alone;
#[path = "../../support/fields.rs"]
pub mod fields;
#[path = "../../support/members.rs"]
pub mod members;
#[path = "../../support/mint.rs"]
pub mod mint;
pub mod play;
pub mod reissue;
pub mod shared;
pub mod signed;
