//! What was sent, JSON or form, becomes typed values here; nothing further in sees a raw field.

use std::fmt;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use mime::Mime;
use percent_encoding::percent_decode_str;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::tokens::OneTimeToken;
use crate::types::password::PasswordFault;
use crate::types::{Email, Password, Username};
use crate::web::path::LocalPath;
use crate::web::{Code, Problem};

const SIGN_UP_MISSING: &str = "Email, username, and password are required.";
const SIGN_IN_MISSING: &str = "Email and password are required.";
const RESET_MISSING: &str = "Token and password are required.";
const PROOF_MISSING: &str = "Token is required.";
const EMAIL_MISSING: &str = "Email is required.";
const CHANGE_MISSING: &str = "Username or email is required.";
const ADDRESS_MISSING: &str = "Email and password are required.";
const PASSWORD_MISSING: &str = "Current and new password are required.";

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// Nothing is said.
    Unsaid,
    /// `application/json`
    Json,
    /// `application/x-www-form-urlencoded`
    Form,
}

impl Media {
    /// By `Content-Type`; anything else is 415, also another character set than UTF-8.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(CONTENT_TYPE).iter();
        let Some(value) = values.next() else { return Ok(Self::Unsaid) };
        let unsupported = || Problem::new(Code::UnsupportedMediaType);
        let mime: Mime = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(unsupported)?;
        let known_charset = mime
            .get_param(mime::CHARSET)
            .is_none_or(|charset| charset == mime::UTF_8 || charset == "us-ascii");
        match mime.essence_str() {
            _ if values.next().is_some() || !known_charset => Err(unsupported()),
            "application/json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            _ => Err(unsupported()),
        }
    }
}

/// A body's fields, each name but once.
#[derive(Default)]
pub(super) struct Fields(Vec<(String, Field)>);

enum Field {
    Text(Zeroizing<String>),
    Null,
    /// A number, a list and so on: no field here is one.
    Other,
}

/// What a sign-up says.
pub(super) struct SignUpInput {
    pub(super) email: Email,
    pub(super) username: Username,
    pub(super) password: Password,
}

/// What a sign-in says.
pub(super) struct SignInInput {
    /// `None`: not an address, so nobody's.
    pub(super) email: Option<Email>,
    pub(super) password: Password,
}

/// What a reset says.
pub(super) struct ResetInput {
    /// `None`: not a token, so of no link.
    pub(super) token: Option<OneTimeToken>,
    pub(super) password: Password,
}

/// What a proof of an address says.
pub(super) struct ProofInput {
    /// `None`: not a token, so of no link.
    pub(super) token: Option<OneTimeToken>,
    /// The account's, where there is no session of it.
    pub(super) password: Option<Password>,
}

/// What a user wants to be different about themselves.
pub(super) struct OwnChangeInput {
    pub(super) username: Option<Username>,
    /// With the password that allows it.
    pub(super) email: Option<(Email, Password)>,
}

/// What a change of the password says.
pub(super) struct PasswordChangeInput {
    pub(super) current: Password,
    pub(super) new: Password,
}

impl Fields {
    /// Reads a body. An empty one has no fields, whatever it says to be.
    pub(super) fn read(media: Media, body: &[u8]) -> Result<Self, Problem> {
        match media {
            _ if body.is_empty() => Ok(Self::default()),
            Media::Unsaid => Err(Code::UnsupportedMediaType.into()),
            Media::Json => serde_json::from_slice(body).map_err(|error| {
                // Its text may quote the body: told to the sender alone, and only where it is about the form of it.
                let place = format!("line {} column {}", error.line(), error.column());
                invalid(format!("The body must be a JSON object, with each name once ({place})."))
            }),
            Media::Form => {
                Self::read_form(body).ok_or_else(|| invalid("The form must be UTF-8, with each field once."))
            }
        }
    }

    /// A query string, of which only the first of two equal names is looked at.
    pub(super) fn of_query(query: &str) -> Self {
        let pairs = query.split('&').filter_map(decoded_pair);
        Self(pairs.map(|(name, value)| (name, Field::Text(value))).collect())
    }

    /// `form_urlencoded` would put U+FFFD in the place of bad bytes, and two passwords would be one.
    fn read_form(body: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        for pair in std::str::from_utf8(body).ok()?.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = decoded_pair(pair)?;
            fields.add(name, Field::Text(value))?;
        }
        Some(fields)
    }

    fn add(&mut self, name: String, value: Field) -> Option<()> {
        if self.get(&name).is_some() {
            return None;
        }
        self.0.push((name, value));
        Some(())
    }

    fn get(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A field's text; `None` where it is missing, null or empty.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.get(name) {
            Some(Field::Text(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            None | Some(Field::Null) => Ok(None),
            Some(Field::Other) => Err(invalid(format!("The field `{name}` must be a string."))),
        }
    }

    /// A text to show again in a form, where it is one.
    pub(super) fn shown(&self, name: &str) -> &str {
        self.text(name).ok().flatten().unwrap_or_default()
    }

    /// A text of more than white space.
    fn words(&self, name: &str) -> Result<Option<&str>, Problem> {
        Ok(self.text(name)?.filter(|text| !text.trim().is_empty()))
    }

    /// Where a page leads on to.
    pub(super) fn next(&self) -> LocalPath {
        LocalPath::parse(self.shown("next")).unwrap_or_else(LocalPath::root)
    }

    /// `email`, `username` and `password`.
    pub(super) fn sign_up(&self) -> Result<SignUpInput, Problem> {
        let given = (self.words("email")?, self.words("username")?, self.text("password")?);
        let (Some(email), Some(username), Some(password)) = given else {
            return Err(Problem::new(Code::MissingField).detail(SIGN_UP_MISSING));
        };
        Ok(SignUpInput {
            email: new_email(email)?,
            username: new_username(username)?,
            password: new_password(password, SIGN_UP_MISSING)?,
        })
    }

    /// `token` and `password`.
    pub(super) fn reset(&self) -> Result<ResetInput, Problem> {
        let (Some(token), Some(password)) = (self.words("token")?, self.text("password")?) else {
            return Err(Problem::new(Code::MissingField).detail(RESET_MISSING));
        };
        let password = new_password(password, RESET_MISSING)?;
        Ok(ResetInput { token: OneTimeToken::parse(token), password })
    }

    /// `token`, and perhaps `password`.
    pub(super) fn proof(&self) -> Result<ProofInput, Problem> {
        let Some(token) = self.words("token")? else {
            return Err(Problem::new(Code::MissingField).detail(PROOF_MISSING));
        };
        let password = self.text("password")?;
        let password = password.map(|password| own_password(password, PROOF_MISSING)).transpose()?;
        Ok(ProofInput { token: OneTimeToken::parse(token), password })
    }

    /// `email`, of which only whoever has it learns more. What can't be an address is nobody's.
    pub(super) fn address(&self) -> Result<Option<Email>, Problem> {
        match self.words("email")? {
            Some(email) => Ok(Email::parse(email)),
            None => Err(Problem::new(Code::MissingField).detail(EMAIL_MISSING)),
        }
    }

    /// Whether a field is there that says something.
    pub(super) fn has(&self, name: &str) -> bool {
        !matches!(self.text(name), Ok(None))
    }

    /// `username`, or `email` with `password`, or all of them.
    pub(super) fn own_change(&self) -> Result<OwnChangeInput, Problem> {
        let missing = |detail| Problem::new(Code::MissingField).detail(detail);
        let username = self.words("username")?.map(new_username).transpose()?;
        let email = match (self.words("email")?, self.text("password")?) {
            (Some(email), Some(password)) => {
                Some((new_email(email)?, own_password(password, ADDRESS_MISSING)?))
            }
            (Some(_), None) => return Err(missing(ADDRESS_MISSING)),
            (None, _) if username.is_none() => return Err(missing(CHANGE_MISSING)),
            (None, _) => None,
        };
        Ok(OwnChangeInput { username, email })
    }

    /// `current` and `new`.
    pub(super) fn password_change(&self) -> Result<PasswordChangeInput, Problem> {
        let (Some(current), Some(new)) = (self.text("current")?, self.text("new")?) else {
            return Err(Problem::new(Code::MissingField).detail(PASSWORD_MISSING));
        };
        let new = new_password(new, PASSWORD_MISSING)?;
        Ok(PasswordChangeInput { current: own_password(current, PASSWORD_MISSING)?, new })
    }

    /// `password`, and the address in `email` or what else it is called. What can't be an address or a password
    /// is nobody's: told like a wrong password.
    pub(super) fn sign_in(&self, email: &str) -> Result<SignInInput, Problem> {
        let missing = || Problem::new(Code::MissingField).detail(SIGN_IN_MISSING);
        let (Some(email), Some(password)) = (self.words(email)?, self.text("password")?) else {
            return Err(missing());
        };
        let password = Password::parse(password).map_err(|fault| match fault {
            PasswordFault::Empty => missing(),
            PasswordFault::TooLong => Code::InvalidLogin.into(),
        })?;
        Ok(SignInInput { email: Email::parse(email), password })
    }
}

/// A password that somebody chooses, who is told what is wrong with it.
fn new_password(text: &str, missing: &'static str) -> Result<Password, Problem> {
    Password::parse(text).map_err(|fault| match fault {
        PasswordFault::Empty => Problem::new(Code::MissingField).detail(missing),
        PasswordFault::TooLong => invalid(format!("The password must have at most {} bytes.", Password::MAX)),
    })
}

/// The password that somebody says is theirs. What can't be one is nobody's.
fn own_password(text: &str, missing: &'static str) -> Result<Password, Problem> {
    Password::parse(text).map_err(|fault| match fault {
        PasswordFault::Empty => Problem::new(Code::MissingField).detail(missing),
        PasswordFault::TooLong => Code::WrongPassword.into(),
    })
}

fn new_email(text: &str) -> Result<Email, Problem> {
    Email::parse(text).ok_or_else(|| invalid("The email address is not valid."))
}

fn new_username(text: &str) -> Result<Username, Problem> {
    Username::parse(text).ok_or_else(|| {
        invalid("The username must have 1 to 64 characters, none of them a control character.")
    })
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(Code::InvalidValue).detail(detail)
}

/// A pair of a form or a query (URL standard, section 5.1), if it is UTF-8.
fn decoded_pair(pair: &str) -> Option<(String, Zeroizing<String>)> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    Some((decoded(name)?, Zeroizing::new(decoded(value)?)))
}

fn decoded(text: &str) -> Option<String> {
    let spaced = Zeroizing::new(text.replace('+', " "));
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// A JSON object. `serde_json` bounds its depth, and refuses what follows it.
impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            let value = match value {
                Value::String(text) => Field::Text(Zeroizing::new(text)),
                Value::Null => Field::Null,
                Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Field::Other,
            };
            fields.add(name, value).ok_or_else(|| A::Error::custom("a name comes twice"))?;
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> Result<Fields, Problem> {
        Fields::read(Media::Json, body.as_bytes())
    }

    fn form(body: &str) -> Result<Fields, Problem> {
        Fields::read(Media::Form, body.as_bytes())
    }

    #[test]
    fn json_and_forms_are_taken_with_any_harmless_parameter() {
        for (value, media) in [
            (Some("application/json"), Some(Media::Json)),
            (Some("APPLICATION/JSON; charset=UTF-8"), Some(Media::Json)),
            (Some("application/json;charset=\"utf-8\""), Some(Media::Json)),
            (Some("application/x-www-form-urlencoded; charset=utf-8"), Some(Media::Form)),
            (Some("application/json; charset=latin1"), None),
            (Some("text/plain"), None),
            (Some("multipart/form-data; boundary=x"), None),
            (Some("application/jsonp"), None),
            (Some(""), None),
            (None, Some(Media::Unsaid)),
        ] {
            let mut headers = HeaderMap::new();
            value.map(|value| headers.insert(CONTENT_TYPE, value.parse().unwrap()));
            assert_eq!(Media::of(&headers).ok(), media, "{value:?}");
        }
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_TYPE, "application/json".parse().unwrap());
        headers.append(CONTENT_TYPE, "text/plain".parse().unwrap());
        assert!(Media::of(&headers).is_err());
    }

    #[test]
    fn a_body_that_can_be_read_in_two_ways_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for bad in [
            "{",
            "[]",
            "null",
            "\"a\"",
            "1",
            "{}{}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":1,\"\\u0061\":2}",
            "{\"a\":\"\\ud800\"}",
            "\u{feff}{}",
            " ",
            "{'a':1}",
            "{\"a\":1,}",
            &deep,
        ] {
            assert_eq!(json(bad).err().map(|problem| problem.code()), Some(Code::InvalidValue), "{bad:.40}");
        }
        for bad in ["a=1&a=2", "a=%ff", "%ff=a", "a=\u{e9}&a=x"] {
            assert_eq!(form(bad).err().map(|problem| problem.code()), Some(Code::InvalidValue), "{bad}");
        }
        assert!(Fields::read(Media::Json, b"{\"a\":\"\xff\"}").is_err());
        assert!(Fields::read(Media::Form, b"a=\xff").is_err());
        assert_eq!(
            Fields::read(Media::Unsaid, b"{}").err().map(|problem| problem.code()),
            Some(Code::UnsupportedMediaType)
        );
    }

    #[test]
    fn a_form_is_decoded_once() {
        let fields = form("email=a%40b.example&password=%2B+%2525&&x").ok().unwrap();
        assert_eq!(fields.shown("email"), "a@b.example");
        assert_eq!(fields.shown("password"), "+ %25");
    }

    #[test]
    fn a_field_that_is_missing_null_or_blank_is_missing_and_one_of_another_type_is_invalid() {
        for (body, code) in [
            ("{}", Code::MissingField),
            (r#"{"email":"a@b.example"}"#, Code::MissingField),
            (r#"{"email":null,"password":"x"}"#, Code::MissingField),
            (r#"{"email":"","password":"x"}"#, Code::MissingField),
            (r#"{"email":" \t","password":"x"}"#, Code::MissingField),
            (r#"{"email":"a@b.example","password":""}"#, Code::MissingField),
            (r#"{"email":"a@b.example","password":1}"#, Code::InvalidValue),
            (r#"{"email":["a@b.example"],"password":"x"}"#, Code::InvalidValue),
        ] {
            let problem = json(body).ok().unwrap().sign_in("email").err();
            assert_eq!(problem.map(|problem| problem.code()), Some(code), "{body}");
        }
        let problem = form("").ok().unwrap().sign_in("email").err().unwrap();
        assert_eq!(problem.text(), "Email and password are required.");
    }

    #[test]
    fn a_password_is_taken_exactly_as_sent() {
        let fields = json(r#"{"email":"a@b.example","password":"  é\u0000 ","more":[{}]}"#).ok().unwrap();
        let input = fields.sign_in("email").ok().unwrap();
        assert_eq!(input.password.reveal(), "  é\0 ".as_bytes());
        assert!(json(r#"{"email":"a@b.example","password":"   "}"#).ok().unwrap().sign_in("email").is_ok());
    }

    #[test]
    fn a_sign_up_says_which_value_is_no_good() {
        let long = "x".repeat(1025);
        for (email, username, password, text) in [
            ("jack", "jack", "secret", "The email address is not valid."),
            ("a@evil.com@ok.com", "jack", "secret", "The email address is not valid."),
            (
                "a@b.example",
                "a\u{7}b",
                "secret",
                "The username must have 1 to 64 characters, none of them a control character.",
            ),
            ("a@b.example", "jack", &long, "The password must have at most 1024 bytes."),
            ("a@b.example", " ", "secret", "Email, username, and password are required."),
        ] {
            let body = serde_json::json!({"email": email, "username": username, "password": password});
            let problem = json(&body.to_string()).ok().unwrap().sign_up().err().unwrap();
            assert_eq!(problem.text(), text);
        }
    }
}
