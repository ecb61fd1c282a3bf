//! A request's head as those read it who judge it and pass it on, whoever has parsed it: hyper, or the direct way
//! (`server::direct`), whose fields stay where they were read.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

/// A request's head.
pub trait Head {
    /// Its method.
    fn method(&self) -> &Method;

    /// Its target.
    fn uri(&self) -> &Uri;

    /// Its version.
    fn version(&self) -> Version;

    /// Its fields.
    fn fields(&self) -> &impl Fields;

    /// The same as hyper has it, for who puts other words into it; `None`: hyper would not have it.
    fn to_parts(&self) -> Option<Parts>;
}

/// The fields of a head. Names are found in every case.
pub trait Fields {
    /// The values of one name, in their order.
    fn all(&self, name: HeaderName) -> impl Iterator<Item = &[u8]>;

    /// Shows all names and values. A name may come in any case.
    fn each<'a>(&'a self, show: impl FnMut(&'a [u8], &'a [u8]));

    /// The first value of a name.
    fn first(&self, name: HeaderName) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Whether there is such a field.
    fn has(&self, name: HeaderName) -> bool {
        self.first(name).is_some()
    }
}

impl Head for Parts {
    fn method(&self) -> &Method {
        &self.method
    }

    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn version(&self) -> Version {
        self.version
    }

    fn fields(&self) -> &impl Fields {
        &self.headers
    }

    fn to_parts(&self) -> Option<Parts> {
        Some(self.clone())
    }
}

impl Fields for HeaderMap {
    fn all(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    fn each<'a>(&'a self, mut show: impl FnMut(&'a [u8], &'a [u8])) {
        for (name, value) in self {
            show(name.as_str().as_bytes(), value.as_bytes());
        }
    }

    fn first(&self, name: HeaderName) -> Option<&[u8]> {
        self.get(name).map(HeaderValue::as_bytes)
    }
}

/// A value as text, where it is visible ASCII: see [`HeaderValue::to_str`].
pub fn text(value: &[u8]) -> Option<&str> {
    let visible = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    std::str::from_utf8(value).ok().filter(|_| visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_text_where_a_header_map_says_so() {
        for byte in 0..=255 {
            let Ok(value) = HeaderValue::from_bytes(&[b'a', byte]) else { continue };
            assert_eq!(text(value.as_bytes()), value.to_str().ok(), "{byte}");
        }
    }
}
