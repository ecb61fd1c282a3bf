//! What a table of keys is made of, and the macro that turns one into types, documentation and names.

use super::finding::{Finding, Place};

/// One key, as the example file, the variables' names and the messages know it.
pub(super) struct Key {
    /// Its section: `server`.
    pub(super) section: &'static str,
    /// Its name in the section: `listen`.
    pub(super) name: &'static str,
    /// Its default as TOML.
    pub(super) default: &'static str,
    /// What to write, where the default says too little.
    pub(super) example: Option<&'static str>,
    /// Its documentation, a line each.
    pub(super) doc: &'static [&'static str],
    /// Whether it can be given as a file, `x_file`.
    pub(super) secret: bool,
    /// What its value, or a list's element, looks like.
    pub(super) looks: &'static str,
    /// Whether it is a list.
    pub(super) list: bool,
}

impl Key {
    /// `server.listen`
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Whether nothing works without it.
    pub(super) fn is_required(&self) -> bool {
        self.section == "upstream" && self.name == "url"
    }
}

/// The environment's name of a dotted path: `SIDEGATE_SERVER_LISTEN` of `server.listen`.
pub(super) fn variable(path: &str) -> String {
    format!("SIDEGATE_{}", path.replace('.', "_").to_ascii_uppercase())
}

/// A section of the file.
pub(super) struct Section {
    /// Its name, dotted where it is within another: `server.tls`.
    pub(super) name: &'static str,
    /// Its documentation, a line each.
    pub(super) doc: &'static [&'static str],
    /// Its keys in the file's order.
    pub(super) keys: &'static [Key],
}

/// A section that is no plain list of keys.
pub(super) struct Later {
    /// Its path: `rules`.
    pub(super) path: &'static str,
    /// Its header in the file.
    pub(super) header: &'static str,
    /// The section after which it stands in the file.
    pub(super) after: &'static str,
    /// Its documentation, a line each.
    pub(super) doc: &'static [&'static str],
    /// Its keys, each with an example and its documentation.
    pub(super) keys: &'static [(&'static str, &'static str, &'static str)],
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave it.
    Default,
    /// Nobody gave it, and it follows from another key.
    Follows(&'static str),
    /// It was written here.
    Written(Place),
}

/// A key's value and where it comes from.
pub(super) struct Given<T> {
    pub(super) key: &'static Key,
    pub(super) value: T,
    pub(super) source: Source,
    /// What was written can't be taken; `value` is the default, so that the other keys are checked too.
    pub(super) bad: bool,
}

impl<T> Given<T> {
    /// Whether somebody wrote it, well or badly.
    pub(super) fn is_written(&self) -> bool {
        matches!(self.source, Source::Written(_))
    }

    /// Where it was written.
    pub(super) fn place(&self) -> Option<Place> {
        match &self.source {
            Source::Written(place) => Some(place.clone()),
            Source::Default | Source::Follows(_) => None,
        }
    }

    /// An error at this key; `text` begins after the key's name.
    pub(super) fn error(&self, text: &str) -> Finding {
        Finding::error(self.place(), format!("`{}` {text}", self.key.path()))
    }

    /// A warning at this key; `text` begins after the key's name.
    pub(super) fn warning(&self, text: &str) -> Finding {
        Finding::warning(self.place(), format!("`{}` {text}", self.key.path()))
    }

    /// Changes a value that nobody gave, because another key says so.
    pub(super) fn follow(&mut self, value: T, key: &'static str) {
        (self.value, self.source) = (value, Source::Follows(key));
    }
}

/// One key with the value that holds, for `sidegate check`.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The key's section.
    pub section: &'static str,
    /// Its name in the section.
    pub name: &'static str,
    /// Its value as TOML; a secret is hidden.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
    /// What the value comes to, where it leaves that to other settings.
    pub here: Option<String>,
}

/// Turns a table of keys into `SECTIONS`, a struct a section, and `Written`, which holds them all.
/// A key is `name: Type = default;` or `name: Type = default => example;`, with its documentation above. A section within
/// another has its path behind its name: `server_tls in "server.tls": ServerTls`.
macro_rules! keys {
    ($(
        $(#[doc = $about:literal])*
        $section:ident $(in $path:literal)?: $Section:ident {
            $( $(#[doc = $doc:literal])* $name:ident: $type:ty = $default:tt $(=> $example:tt)?; )*
        }
    )*) => {
        $(
            $(#[doc = $about])*
            pub(super) struct $Section { $( $(#[doc = $doc])* pub(super) $name: Given<$type>, )* }

            impl $Section {
                const PATH: &str = keys!(@path $section $($path)?);
                const KEYS: &[Key] = &[ $( keys!(@key $Section $name $type, $default, [$($example)?], [$($doc),*]) ),* ];
            }
        )*

        /// Every key with what was written for it, understood but not yet compared with the others.
        pub(super) struct Written { $( $(#[doc = $about])* pub(super) $section: $Section, )* }

        /// Every section in the file's order.
        pub(super) const SECTIONS: &[Section] = &[ $(
            Section { name: $Section::PATH, doc: &[$($about),*], keys: $Section::KEYS }
        ),* ];

        impl Written {
            /// Reads every key.
            pub(super) fn read(reader: &mut Reader<'_>) -> Self {
                Self { $( $section: $Section { $( $name: {
                    const KEY: &Key = &keys!(@key $Section $name $type, $default, [$($example)?], [$($doc),*]);
                    reader.read(KEY)
                }, )* }, )* }
            }

            /// Every value in the file's order, to be shown.
            pub(super) fn effective(&self) -> Vec<Effective> {
                let mut all = Vec::new();
                $( $( {
                    let given = &self.$section.$name;
                    all.push(Effective {
                        section: given.key.section,
                        name: given.key.name,
                        value: given.value.show(),
                        source: given.source.clone(),
                        here: None,
                    });
                } )* )*
                all
            }
        }
    };
    (@key $Section:ident $name:ident $type:ty, $default:tt, [$($example:tt)?], [$($doc:literal),*]) => {
        Key {
            section: $Section::PATH,
            name: stringify!($name),
            default: stringify!($default),
            example: keys!(@example $($example)?),
            doc: &[$($doc),*],
            secret: <$type as Value>::SECRET,
            looks: <$type as Value>::LOOKS,
            list: <$type as Value>::LIST,
        }
    };
    (@path $section:ident) => { stringify!($section) };
    (@path $section:ident $path:literal) => { $path };
    (@example) => { None };
    (@example $example:tt) => { Some(stringify!($example)) };
}
pub(super) use keys;
