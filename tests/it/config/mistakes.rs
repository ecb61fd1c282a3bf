//! Every kind of mistake with the whole of what `sidegate check` says of it: `tests/data/mistakes/*.txt`.
//! A case is a line `==== title`, then parts, each below a line `-- name`: a file of that name, `variables`, `arguments`
//! (what `--config` names), `folder NAME`, `bytes NAME` (with `\xff`), and at last `says`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sidegate::cli::check;
use sidegate::config::env::Fixed;

struct Case {
    title: String,
    parts: Vec<(String, String)>,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut pieces =
            format!("\n{text}").split("\n-- ").map(str::to_owned).collect::<Vec<_>>().into_iter();
        let title = pieces.next().unwrap().trim().to_owned();
        let part = |piece: String| match piece.split_once('\n') {
            Some((name, body)) => (name.to_owned(), body.to_owned() + "\n"),
            None => (piece, String::new()),
        };
        Self { title, parts: pieces.map(part).collect() }
    }

    fn part(&self, name: &str) -> Option<&str> {
        self.parts.iter().find(|(part, _)| part == name).map(|(_, body)| body.trim_end_matches('\n'))
    }

    /// What `sidegate check` says in a folder with this case's files.
    fn run(&self) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, body) in &self.parts {
            let path = |name: &str| folder.path().join(name);
            match name.split_once(' ') {
                Some(("folder", name)) => fs::create_dir(path(name)).unwrap(),
                Some(("bytes", name)) => fs::write(path(name), bytes(body)).unwrap(),
                None if !["variables", "arguments", "container", "says"].contains(&name.as_str()) => {
                    fs::write(path(name), body).unwrap();
                    // Whatever this machine's umask takes away: who may read a key is told of.
                    fs::set_permissions(path(name), fs::Permissions::from_mode(0o644)).unwrap();
                }
                _ => {}
            }
        }
        let variable = |line: &str| {
            let (name, value) = line.split_once('=').unwrap();
            (name.into(), OsString::from_vec(bytes(value)))
        };
        let mut env =
            Fixed::from(self.part("variables").unwrap_or_default().lines().map(variable).collect::<Vec<_>>());
        if self.part("container").is_some() {
            env = env.in_container();
        }
        let mut out = Vec::new();
        let code = check::run(self.part("arguments").map(Path::new), &env, folder.path(), &mut out);
        let text = String::from_utf8(out).unwrap();
        let wrong = text.lines().any(|line| line.starts_with("error: "));
        let expected = if wrong { ExitCode::from(2) } else { ExitCode::SUCCESS };
        assert_eq!(format!("{code:?}"), format!("{expected:?}"), "{}: {text}", self.title);
        // What is in force has a test of its own.
        let said = text.split("# What is in force").next().unwrap().trim_end().to_owned();
        if said.is_empty() { "nothing".to_owned() } else { said }
    }

    fn write(&self, says: &str) -> String {
        let mut text = format!("==== {}\n", self.title);
        for (name, body) in self.parts.iter().filter(|(name, _)| name != "says") {
            text.extend(["-- ", name, "\n", body.trim_end_matches('\n'), "\n"]);
        }
        text.replace("\n\n", "\n") + "-- says\n" + says + "\n"
    }
}

/// A text's bytes, `\xff` as the one it names.
fn bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend(&piece.as_bytes()[2..]);
    }
    bytes
}

fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).unwrap();
    format!("\n{text}").split("\n==== ").skip(1).map(Case::read).collect()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mistakes");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// `UPDATE=1 cargo test --test it config` renews what is said; read the difference before you commit it.
#[test]
fn every_mistake_is_told_as_its_snapshot_says() {
    for file in files() {
        let cases = cases(&file);
        let renewed: Vec<_> = cases.iter().map(|case| case.write(&case.run())).collect();
        if super::is_update() {
            fs::write(&file, renewed.join("\n")).unwrap();
        }
        for (case, renewed) in cases.iter().zip(&renewed) {
            let committed = case.write(case.part("says").unwrap_or_default());
            assert!(
                super::is_update() || committed == *renewed,
                "{}\n--- committed\n{committed}\n--- now\n{renewed}",
                file.display()
            );
        }
    }
}

/// Whoever adds a message adds a case: a text that no snapshot holds is one that nobody has read.
#[test]
fn every_text_of_the_configuration_is_in_a_snapshot() {
    let said: Vec<_> = files().iter().flat_map(|file| cases(file)).map(|case| case.run()).collect();
    let lines: Vec<_> = said.iter().flat_map(|text| text.lines()).collect();
    let mut missing = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        // The keys' documentation, what is made of it, and how findings and settings are laid out.
        let others = ["file.rs", "example.rs", "reference.rs", "finding.rs", "report.rs", "meaning.rs"]
            .contains(&name.as_str());
        if others {
            continue;
        }
        for text in prose(&fs::read_to_string(&file).unwrap()) {
            let seen = lines.iter().any(|line| holds(line, &text));
            if !seen && !UNSEEN.iter().any(|(unseen, _)| *unseen == text) {
                missing.push(format!("{name}: {text}"));
            }
        }
    }
    assert!(missing.is_empty(), "no case in tests/data/mistakes shows:\n{}", missing.join("\n"));
}

/// Texts that no case can show, and why.
const UNSEEN: [(&str, &str); 9] = [
    ("a test parses each default of the table", "a panic's reason"),
    ("a test reads each default of the table", "a panic's reason"),
    ("the settings don't fit together", "no configuration is known that leads there"),
    ("permission denied", "root, who may run the tests, reads every file; a unit test has it"),
    ("let the user that Sidegate runs as read it", "the same"),
    ("can't be reached by TLS: {error}", "a system that has no root certificates"),
    (
        "name the server's issuer in `email.ca_file`, or install the system's (`ca-certificates`; an image made from scratch has none)",
        "the same",
    ),
    ("; includeSubDomains", "what browsers are told"),
    (", expected", "what the parser's messages are cut at"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The string literals of a file's code that have several words, comments, attributes and tests aside.
fn prose(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let line = |line: &&str| !line.trim_start().starts_with("//") && !line.trim_start().starts_with("#[");
    let code = code.lines().filter(line).collect::<Vec<_>>().join("\n");
    // A sign in quotes may be a quote.
    let code = code.replace("'\"'", "");
    let (mut literals, mut open) = (Vec::new(), None::<String>);
    let mut signs = code.chars().peekable();
    while let Some(sign) = signs.next() {
        match (&mut open, sign) {
            (Some(literal), '\\') => match signs.next() {
                // The literal goes on after the next line's indentation.
                Some('\n') => while signs.next_if(|sign| sign.is_whitespace()).is_some() {},
                Some('n') => literal.push('\n'),
                Some(sign) => literal.push(sign),
                None => {}
            },
            (Some(_), '"') => {
                let literal = open.take().unwrap();
                let after: String = signs.clone().skip_while(|sign| sign.is_whitespace()).take(3).collect();
                // A pattern is compared with, not said.
                if !["=>", "|", "if "].iter().any(|sign| after.starts_with(sign)) {
                    literals.push(literal);
                }
            }
            (Some(literal), sign) => literal.push(sign),
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
        }
    }
    literals.retain(|literal| literal.trim().contains(' '));
    literals
}

/// Whether a line holds a text's fixed parts in their order.
fn holds(line: &str, text: &str) -> bool {
    let mut rest = line;
    text.split('{').enumerate().all(|(index, piece)| {
        let fixed = if index == 0 { piece } else { piece.split_once('}').map_or(piece, |(_, fixed)| fixed) };
        match rest.find(fixed) {
            Some(place) => {
                rest = &rest[place + fixed.len()..];
                true
            }
            None => false,
        }
    })
}
