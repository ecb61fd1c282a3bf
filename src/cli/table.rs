//! Tables for people: aligned columns, one row a line, and nothing in them that a terminal would act on.

use std::fmt::Write as _;

use comfy_table::{ContentArrangement, Table, presets};

/// The rows below their headings, each line ended. Cells are as wide as the widest of their column, never wrapped:
/// what is piped on must not depend on a window's width. Without headings there is no line for them.
pub(super) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if !headings.is_empty() {
        table.set_header(headings);
    }
    for row in rows {
        table.add_row(row.iter().map(|cell| harmless(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A text with its control characters, and the marks that turn the direction of writing, shown as escapes.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if acts(sign) {
            // Writing to a string can't fail.
            let _ = write!(shown, "{}", sign.escape_unicode());
        } else {
            shown.push(sign);
        }
    }
    shown
}

/// Control characters, line separators, and what Unicode section 23.2 and its annex 9 call directional formatting.
fn acts(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
        cells.map(str::to_owned).to_vec()
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_lines_end_with_their_last_sign() {
        let rows = [
            row(["1", "jack@example.com", "jack", "admin"]),
            row(["40", "j@x", "Jürgen 李小龍", ""]),
            row(["7", "", "x", "y"]),
        ];
        let text = table(&["uid", "e-mail", "name", "roles"], rows);
        assert_eq!(
            text,
            "uid  e-mail            name           roles\n\
             1    jack@example.com  jack           admin\n\
             40   j@x               Jürgen 李小龍\n\
             7                      x              y\n"
        );
        assert_eq!(table(&["uid", "name"], []), "uid  name\n");
        let wide = "x".repeat(300);
        assert_eq!(table(&[], [row(["uid", "1"]), row(["name", "x"])]), "uid   1\nname  x\n");
        assert_eq!(table(&["a"], [vec![wide.clone()]]), format!("a\n{wide}\n"));
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown_as_an_escape() {
        let text = table(&["name"], [row(["a\u{1b}[2Jb\nc\td\u{202e}e\u{9b}"])]);
        assert_eq!(text, "name\na\\u{1b}[2Jb\\u{a}c\\u{9}d\\u{202e}e\\u{9b}\n");
        // Joined emoji, accents and quotes are what they are.
        assert_eq!(harmless("👩\u{200d}🚒 é \"q\" \\"), "👩\u{200d}🚒 é \"q\" \\");
    }
}
