//! The house's rules that no compiler holds: the floors, the length and the first line of files, the map.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Past this a file holds two subjects.
const LINES: usize = 500;

/// A room's height: its floor, and its place in a chain (`a → b`) on that floor.
type Height = (u32, i32);

#[test]
fn imports_go_down_the_floors() {
    let floors = floors(&read(&root().join("src/lib.rs")));
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let Some(here) = room(&file) else { continue };
        let height = floors.get(&here).unwrap_or_else(|| panic!("`{here}` has no floor in src/lib.rs"));
        for there in imported_rooms(&code(&file)) {
            let below = floors.get(&there).is_some_and(|other| other < height);
            if there != here && !below {
                wrong.push(format!("{} imports `{there}`, which is not below `{here}`", shown(&file)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n(the floors stand in src/lib.rs)", wrong.join("\n"));
}

#[test]
fn every_file_says_its_subject_in_its_first_line() {
    let silent = |file: &PathBuf| !read(file).starts_with("//! ");
    let wrong: Vec<String> = all_files().filter(silent).map(|file| shown(&file)).collect();
    assert!(wrong.is_empty(), "the first line must be `//! …`: {wrong:?}");
}

#[test]
fn no_file_is_too_long() {
    let lengths = all_files().map(|file| (shown(&file), read(&file).lines().count()));
    let wrong: Vec<_> = lengths.filter(|(_, lines)| *lines > LINES).collect();
    assert!(wrong.is_empty(), "more than {LINES} lines is two subjects: {wrong:?}");
}

#[test]
fn the_map_names_every_folder_and_nothing_that_is_gone() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let folders: BTreeSet<String> = rust_files("src").filter_map(|file| room_folder(&file)).collect();
    let missing: Vec<&String> =
        folders.iter().filter(|folder| !map.contains(&format!("{folder}/"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name these folders of src: {missing:?}");
    let gone: Vec<&str> = paths_in(&map).filter(|path| !root().join(path).exists()).collect();
    assert!(gone.is_empty(), "ARCHITECTURE.md names what does not exist: {gone:?}");
}

#[test]
fn every_weakness_of_comparable_systems_has_a_test_that_carries_its_number() {
    const WEAKNESSES: u32 = 27;
    let mut carried = BTreeSet::new();
    for name in rust_files("tests/it").flat_map(|file| test_names(&read(&file))) {
        let words = name.strip_prefix("weakness_").or_else(|| name.strip_prefix("weaknesses_"));
        let words = words.into_iter().flat_map(|words| words.split('_'));
        let numbers =
            words.map_while(|word| (word == "and").then_some(0).or_else(|| word.parse::<u32>().ok()));
        carried.extend(numbers);
    }
    let missing: Vec<u32> = (1..=WEAKNESSES).filter(|number| !carried.contains(number)).collect();
    assert!(missing.is_empty(), "no test in tests/it is called weakness_N_… for {missing:?}");
}

fn test_names(code: &str) -> Vec<String> {
    let names = code.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
    names.filter_map(|line| line.split('(').next()).map(str::to_owned).collect()
}

/// Reads the table in the crate's doc: a number opens a floor, `→` means that the left may use the right, rooms
/// separated otherwise may not use each other.
fn floors(lib: &str) -> BTreeMap<String, Height> {
    let table = lib.split("```text").nth(1).and_then(|rest| rest.split("```").next());
    let (mut floor, mut step, mut heights) = (0, 0, BTreeMap::new());
    for word in table.expect("src/lib.rs has a table of floors").split_whitespace() {
        match word.trim_end_matches(',') {
            "//!" | "|" => {}
            "→" => step -= 1,
            word => match word.parse() {
                Ok(number) => (floor, step) = (number, 0),
                Err(_) => _ = heights.insert(word.to_owned(), (floor, step)),
            },
        }
    }
    heights
}

/// The rooms that code names by `crate::`, groups (`use crate::{a, b::C}`) included.
fn imported_rooms(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => rooms.extend(heads_of_group(group)),
            None => rooms.extend(head(rest)),
        }
    }
    rooms
}

/// The first names of a group's paths, up to the brace that closes it.
fn heads_of_group(group: &str) -> BTreeSet<String> {
    let (mut depth, mut start, mut heads) = (0, 0, BTreeSet::new());
    for (place, sign) in group.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                heads.extend(head(group[start..place].trim_start()));
                start = place + 1;
                if sign == '}' {
                    return heads;
                }
            }
            _ => {}
        }
    }
    heads
}

/// The leading name of a path. A name in capitals is an item at the crate's root, of which there are none.
fn head(path: &str) -> Option<String> {
    let name: String = path.chars().take_while(|sign| sign.is_ascii_alphanumeric() || *sign == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// A file without its comment lines.
fn code(file: &Path) -> String {
    let text = read(file);
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    code.join("\n")
}

/// Paths such as `src/gate/mod.rs` that a document names in backticks.
fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|path| ["src/", "tests/", "static/", ".ci/"].iter().any(|top| path.starts_with(top)))
}

/// The room that a file belongs to: its folder, or itself where it lies in `src`. The crate's root belongs to none.
fn room(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("src")).expect("a file of src");
    let first = inside.components().next().expect("a file has a name");
    let name = Path::new(first.as_os_str()).file_stem().expect("a file has a name").to_string_lossy();
    (name != "lib").then(|| name.into_owned())
}

fn room_folder(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(root().join("src")).expect("a file of src");
    (inside.components().count() > 1).then(|| room(file)).flatten()
}

fn all_files() -> impl Iterator<Item = PathBuf> {
    rust_files("src").chain(rust_files("tests")).chain(rust_files("bench"))
}

/// All Rust files below a folder; none where there is no such folder.
fn rust_files(folder: &str) -> impl Iterator<Item = PathBuf> {
    let (mut open, mut found) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.expect("a folder can be read").path()) {
            match path.extension() {
                _ if path.is_dir() => open.push(path),
                Some(extension) if extension == "rs" => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found.into_iter()
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_tables_words_mean_what_they_say() {
    let floors = floors("//! ```text\n//! 2 main → cli, demo\n//! 1 a | b   0 types\n//! ```\n");
    assert_eq!(floors["main"], (2, 0));
    assert_eq!(floors["cli"], (2, -1));
    assert_eq!(floors["demo"], (2, -1));
    assert!(floors["a"] == floors["b"] && floors["types"] < floors["a"]);
    let code = "use crate::{a::{B, C}, d};\nfn f() -> crate::e::G { crate::h::i() }";
    assert_eq!(imported_rooms(code), ["a", "d", "e", "h"].map(str::to_owned).into());
}
