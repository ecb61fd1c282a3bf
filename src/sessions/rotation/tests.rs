//! The table of rotation.
