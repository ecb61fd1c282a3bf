//! auth_pages
