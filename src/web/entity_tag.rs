//! `If-None-Match`: whether the asker has what would be answered already (RFC 9110 section 13.1.2).

use http::HeaderMap;
use http::header::IF_NONE_MATCH;

/// Whether one of the listed entity tags is `etag` (quotes included), or any would do. Tags are compared weakly: `W/`
/// makes no difference. What can't be read is passed over: the whole answer is never wrong.
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let list = value.as_bytes();
        list.trim_ascii() == b"*" || lists(list, etag.as_bytes())
    })
}

/// Tags may hold commas, so that the list is read from one quote to the next and not split.
fn lists(mut list: &[u8], etag: &[u8]) -> bool {
    loop {
        list = list.trim_ascii_start();
        let Some((first, rest)) = list.split_first() else { return false };
        if *first == b',' {
            list = rest;
            continue;
        }
        let tag = list.strip_prefix(b"W/").unwrap_or(list);
        let Some(end) = tag.strip_prefix(b"\"").and_then(|inner| memchr::memchr(b'"', inner)) else {
            return false;
        };
        let (tag, after) = tag.split_at(end + 2);
        if tag == etag {
            return true;
        }
        list = after;
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn known(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IF_NONE_MATCH, HeaderValue::from_static(value));
        }
        is_known(&headers, "\"abc\"")
    }

    #[test]
    fn a_tag_is_found_in_a_list_however_it_is_written() {
        for values in [
            &[r#""abc""#][..],
            &[r#"W/"abc""#],
            &["*"],
            &[" * "],
            &[r#""x", "abc""#],
            &[r#", ,"x",W/"abc" ,"#],
            &[r#""a,b", "abc""#],
            &[r#""x""#, r#""abc""#],
        ] {
            assert!(known(values), "{values:?}");
        }
    }

    #[test]
    fn another_tag_or_none_is_not_taken_for_it() {
        for values in [
            &[][..],
            &[""],
            &["abc"],
            &[r#""ABC""#],
            &[r#""x""#],
            &[r#""abc"#],
            &[r#""x,"abc"","#],
            &[r#"w/"abc""#],
            &[r#""*""#],
        ] {
            assert!(!known(values), "{values:?}");
        }
    }
}
