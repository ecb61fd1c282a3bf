//! Rules of the table.

use std::collections::HashSet;

use super::*;

#[test]
fn each_row_is_a_place_of_its_own_below_auth() {
    let places: HashSet<_> = ROUTES.iter().map(|route| (route.method.clone(), route.path)).collect();
    assert_eq!(places.len(), ROUTES.len());
    assert!(ROUTES.iter().all(|route| route.path.starts_with("/auth/") && !route.doc.is_empty()));
    // HEAD is answered by GET's row, OPTIONS by the server.
    assert!(ROUTES.iter().all(|route| route.method != Method::HEAD && route.method != Method::OPTIONS));
}

#[test]
fn each_row_has_a_handler_of_its_own() {
    for route in ROUTES {
        assert_eq!(ROUTES.iter().filter(|other| other.handler == route.handler).count(), 1, "{}", route.path);
    }
}
