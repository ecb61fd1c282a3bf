//! Commands about the keys that sign access tokens.

use super::Services;
use super::execute::Reply;
use super::failure::Failure;
use super::listing;
use super::views::KeyView;
use crate::store::SigningKey;

pub(super) async fn list(services: &Services) -> Result<Reply, Failure> {
    Ok(shown(services, &services.store.signing_keys().await?))
}

pub(super) async fn rotate(services: &Services) -> Result<Reply, Failure> {
    Ok(shown(services, &services.sessions.rotate_keys().await?))
}

fn shown(services: &Services, keys: &[SigningKey]) -> Reply {
    let view = |key| KeyView::new(key, services.algorithm, services.sessions.verifies_until(key));
    listing::of(keys.iter().map(view).collect())
}
