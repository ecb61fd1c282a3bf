//! A whole file's rows: each is checked, and those that want the same address or the same number are told apart from
//! the good ones. Which of them is right nobody can know, so that all of them are refused.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use super::{Checked, Fault, Field, Line, Place, Recognise, check};

/// Rows named in one fault; a file that repeats one address a thousand times needs no million names.
const NAMED: usize = 3;

/// What became of a file's rows, each part in the file's order.
#[derive(Debug, Default)]
pub struct Examined {
    /// Those that can be stored, as far as the file alone tells.
    pub good: Vec<(Place, Checked)>,
    /// Those that can't, and why.
    pub bad: Vec<(Place, Fault)>,
}

/// Checks all rows.
pub fn examine(lines: Vec<Line>, recognise: Recognise<'_>) -> Examined {
    let mut examined = Examined::default();
    for Line { at, row } in lines {
        match row.and_then(|record| check(record, recognise)) {
            Ok(checked) => examined.good.push((at, checked)),
            Err(fault) => examined.bad.push((at, fault)),
        }
    }
    let mut collisions = collisions(&examined.good);
    if !collisions.is_empty() {
        let (mut good, rows) = (Vec::new(), std::mem::take(&mut examined.good));
        for (index, (at, checked)) in rows.into_iter().enumerate() {
            match collisions.remove(&index) {
                Some(fault) => examined.bad.push((at, fault)),
                None => good.push((at, checked)),
            }
        }
        examined.good = good;
        examined.bad.sort_by_key(|(at, _)| *at);
    }
    examined
}

/// The rows that collide with others, by their index, each with a fault that names those.
fn collisions(rows: &[(Place, Checked)]) -> HashMap<usize, Fault> {
    let uids = rows.iter().enumerate().filter_map(|(index, (_, row))| Some((row.uid?, index)));
    let emails = rows.iter().enumerate().map(|(index, (_, row))| (row.email.key(), index));
    let mut faults = HashMap::new();
    shared(rows, uids, Field::Uid, &mut faults);
    shared(rows, emails, Field::Email, &mut faults);
    faults
}

fn shared<K: Eq + Hash>(
    rows: &[(Place, Checked)],
    keys: impl Iterator<Item = (K, usize)>,
    field: Field,
    faults: &mut HashMap<usize, Fault>,
) {
    let mut groups = HashMap::<K, Vec<usize>>::new();
    for (key, index) in keys {
        groups.entry(key).or_default().push(index);
    }
    for group in groups.into_values().filter(|group| group.len() > 1) {
        for index in &group {
            let others = Others { rows, group: &group, index: *index };
            faults
                .entry(*index)
                .or_insert_with(|| Fault::of(field, format_args!("is also that of {others}")));
        }
    }
}

/// `line 3, line 9 and 4 more`
struct Others<'a> {
    rows: &'a [(Place, Checked)],
    group: &'a [usize],
    index: usize,
}

impl fmt::Display for Others<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.group.iter().filter(|other| **other != self.index);
        let named: Vec<String> = others.take(NAMED).map(|other| self.rows[*other].0.to_string()).collect();
        f.write_str(&named.join(", "))?;
        match self.group.len().saturating_sub(1 + NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}
