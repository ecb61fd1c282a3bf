//! Commands about the keys that sign access tokens.

use super::Services;
use super::execute::Reply;
use super::failure::Failure;
use super::listing;
use super::views::KeyView;

pub(super) async fn list(services: &Services) -> Result<Reply, Failure> {
    let keys = services.store.signing_keys().await?;
    Ok(listing::of(keys.iter().map(|key| KeyView::new(key, services.algorithm)).collect()))
}
