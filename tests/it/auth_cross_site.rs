//! auth_cross_site
