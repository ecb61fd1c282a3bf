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

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'a>(pairs: &[(&'a str, &'a str)]) -> RawFields<'a> {
        let fields: Vec<_> =
            pairs.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
        RawFields::new(&fields)
    }

    #[test]
    fn a_name_is_found_in_every_case_with_all_its_values_in_their_order() {
        let long = "x-".repeat(40);
        let fields =
            fields(&[("Cookie", "a"), ("X-Odd", "1"), ("COOKIE", "b"), ("cookie", ""), (&long, "2")]);
        let all = |name: &str| fields.all(name.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("cookie"), [&b"a"[..], b"b", b""]);
        assert_eq!((all("x-odd"), all(&long)), (vec![&b"1"[..]], vec![&b"2"[..]]));
        // As long as others.
        for absent in ["accept", "cookies", "x-even", &"y-".repeat(40)] {
            assert!(all(absent).is_empty() && !fields.has(absent.parse().unwrap()), "{absent}");
        }
        let mut shown = Vec::new();
        fields.each(|name, value| shown.push((name.to_vec(), value.len())));
        assert_eq!((shown.len(), shown[2].clone()), (5, (b"COOKIE".to_vec(), 1)));
    }

    /// What is judged here by its bytes is a head that hyper would have, too.
    #[test]
    fn every_field_that_the_parser_takes_is_one_of_a_header_map() {
        let mut taken = 0;
        for byte in 0..=255_u8 {
            for head in [[b"X", &[byte][..], b": a"].concat(), [b"X: a", &[byte][..], b"b"].concat()] {
                let text = [b"GET / HTTP/1.1\r\n", &head[..], b"\r\n\r\n"].concat();
                let mut fields = [httparse::EMPTY_HEADER; 2];
                let mut request = httparse::Request::new(&mut fields);
                if request.parse(&text).is_ok_and(|status| status.is_complete()) {
                    let fields = RawFields::new(request.headers);
                    let head = RawHead { method: Method::GET, uri: Uri::from_static("/"), fields };
                    taken += head.to_parts().expect("hyper takes it").headers.len();
                }
            }
        }
        assert!(taken > 256, "{taken}");
    }
}
