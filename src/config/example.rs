//! `config.example.toml`, made from the table of keys.

use std::fmt::Write as _;

use super::file::{LATER, SECTIONS};
use super::table::{Later, Section};

const HEAD: &str = "\
# Sidegate's configuration: every key with its default or an example. `upstream.url` is all that must be given; take
# the `#` away from what you change.
#
# Sidegate reads the file that `--config` or `$SIDEGATE_CONFIG` names, else ./sidegate.toml, else
# /etc/sidegate/sidegate.toml. Each key can be a variable instead, which wins over the file: SIDEGATE_UPSTREAM_URL is
# `url` in [upstream], lists are comma separated. A secret `x` can be read from a file that `x_file` (or the variable
# SIDEGATE_…_X_FILE) names. A `.env` in the working folder is read like variables, and loses to them.
#
# Durations are written \"15m\" (ms, s, m, h, d), sizes \"1MiB\", rates \"10/15m\". `sidegate check` says what holds.
#
# This file is made from src/config/file.rs: `UPDATE=1 cargo test --test it config` renews it.
";

/// The whole file.
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    for section in SECTIONS {
        write_section(&mut text, section);
        for later in LATER.iter().filter(|later| later.after == section.name) {
            write_later(&mut text, later);
        }
    }
    text
}

// Writing to a String can't fail, so its results are dropped.

fn write_section(text: &mut String, section: &Section) {
    let _ = writeln!(text);
    comment(text, section.doc);
    let _ = writeln!(text, "[{}]", section.name);
    for (index, key) in section.keys.iter().enumerate() {
        if index > 0 {
            let _ = writeln!(text);
        }
        comment(text, key.doc);
        if key.secret && key.name != "url" && key.name != "smtp" {
            let _ = writeln!(
                text,
                "# Better in a file of its own: {}_file = \"/run/secrets/{}\"",
                key.name, key.name
            );
        }
        let mark = if key.is_required() { "" } else { "#" };
        let _ = writeln!(text, "{mark}{} = {}", key.name, key.example.unwrap_or(key.default));
    }
}

fn write_later(text: &mut String, later: &Later) {
    let _ = writeln!(text);
    comment(text, later.doc);
    let _ = writeln!(text, "#{}", later.header);
    for (name, example, doc) in later.keys {
        let _ = writeln!(text, "#{:<30} # {doc}", format!("{name} = {example}"));
    }
}

fn comment(text: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(text, "#{line}");
    }
}
