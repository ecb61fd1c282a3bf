//! A plain request's head, whose fields stay where they were read: most are looked at once, when they are written on.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Uri, Version};
use httparse::Header;

use crate::web::{Fields, Head};

/// A head of HTTP/1.1.
pub(in crate::server) struct RawHead<'a> {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) fields: RawFields<'a>,
}

/// Its fields, in the client's own order and spelling.
pub(in crate::server) struct RawFields<'a> {
    fields: Vec<Header<'a>>,
    /// Bit n: some name has n bytes. Most names that are asked for are not there, and seldom is one that long.
    lengths: u64,
}

impl<'a> RawFields<'a> {
    pub(super) fn new(fields: &[Header<'a>]) -> Self {
        let lengths = fields.iter().fold(0, |lengths, field| lengths | length(field.name));
        Self { fields: fields.to_vec(), lengths }
    }
}

/// The bit of a name's length.
fn length(name: &str) -> u64 {
    1 << name.len().min(63)
}

impl Fields for RawFields<'_> {
    fn all(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        let known = self.lengths & length(name.as_str()) != 0;
        Named { name, rest: if known { &self.fields } else { &[] } }
    }

    fn each<'a>(&'a self, mut show: impl FnMut(&'a [u8], &'a [u8])) {
        for field in &self.fields {
            show(field.name.as_bytes(), field.value);
        }
    }
}

/// The values of one name.
struct Named<'a> {
    name: HeaderName,
    rest: &'a [Header<'a>],
}

impl<'a> Iterator for Named<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let name = self.name.as_str();
        let at = self.rest.iter().position(|field| field.name.eq_ignore_ascii_case(name));
        let (found, rest) = self.rest.get(at?..)?.split_first()?;
        self.rest = rest;
        Some(found.value)
    }
}

impl Head for RawHead<'_> {
    fn method(&self) -> &Method {
        &self.method
    }

    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn version(&self) -> Version {
        Version::HTTP_11
    }

    fn fields(&self) -> &impl Fields {
        &self.fields
    }

    fn to_parts(&self) -> Option<Parts> {
        let (mut parts, ()) = http::Request::new(()).into_parts();
        (parts.method, parts.uri) = (self.method.clone(), self.uri.clone());
        for field in &self.fields.fields {
            let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
            parts.headers.append(name, HeaderValue::from_bytes(field.value).ok()?);
        }
        Some(parts)
    }
}
