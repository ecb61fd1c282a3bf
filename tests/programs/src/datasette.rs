//! Datasette, from PyPI: a query, facets, JSON, a streamed export, and a form of its own that writes.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use sidegate_browser_tests::Browser;

use crate::site::Site;
use crate::visit::Program;
use crate::{Tools, process};

/// 20,000 rows in three colours: enough for an export that Datasette streams page by page.
const MAKE: &str = "
import sqlite3
rows = 20000
garden = sqlite3.connect('garden.db')
garden.execute('create table plants (id integer primary key, name text, colour text, height integer)')
colours = ['red', 'white', 'yellow']
garden.executemany('insert into plants values (?, ?, ?, ?)',
    ((n, f'plant {n}', colours[n % 3], n % 100) for n in range(1, rows + 1)))
garden.commit()
";

/// Takes out the rows that people have added.
const FORGET: &str = "
import sqlite3
garden = sqlite3.connect('garden.db')
garden.execute('delete from plants where id > 20000')
garden.commit()
";

/// A query that writes: Datasette makes a form of it, with a token of its own against forged forms.
const METADATA: &str = r#"{ "databases": { "garden": { "queries": { "add_plant": {
    "sql": "insert into plants (name, colour, height) values (:name, :colour, 1)", "write": true } } } } }"#;

#[derive(Clone, Copy)]
pub(crate) struct Datasette;

impl Program for Datasette {
    fn name(&self) -> &'static str {
        "datasette"
    }

    fn version(&self, tools: &Tools) -> String {
        process::version(&tools.venv.join("bin/datasette"))
    }

    fn lays_out(&self, tools: &Tools, folder: &Path) {
        // It has the file open when somebody was there before.
        let script = if folder.join("garden.db").exists() { FORGET } else { MAKE };
        let made =
            Command::new(tools.venv.join("bin/python")).args(["-c", script]).current_dir(folder).status();
        assert!(made.is_ok_and(|status| status.success()), "its database can't be made");
        std::fs::write(folder.join("metadata.json"), METADATA).expect("its settings can be written");
    }

    fn command(&self, tools: &Tools, _: &Path, port: u16) -> Command {
        let mut command = Command::new(tools.venv.join("bin/datasette"));
        command.args(["serve", "garden.db", "--metadata", "metadata.json", "--port", &port.to_string()]);
        command
    }

    fn home(&self) -> &'static str {
        "/garden"
    }

    fn doors(&self) -> &'static [&'static str] {
        &["GET /garden.json?sql=select+1", "GET /-/versions.json", "HEAD /garden", "POST /garden/add_plant"]
    }

    fn sockets(&self) -> u64 {
        0
    }

    async fn shows_home(browser: &Browser) {
        browser.reads("h1", |text| text == "garden").await;
    }

    async fn is_used(browser: &Browser, site: &Site) -> Vec<String> {
        let mut done = Vec::new();
        browser.goto(&site.url("/garden?sql=select+sum(height)+as+total+from+plants+where+id+%3C+4")).await;
        browser.reads("table.rows-and-columns tbody td", |text| text == "6").await;
        browser.press("form.sql input[type=submit]").await;
        browser.reads("table.rows-and-columns tbody td", |text| text == "6").await;
        done.push("a query answered".to_owned());

        browser.goto(&site.url("/garden/plants?_facet=colour&colour=red")).await;
        browser.reads(".facet-info-total", |text| text == "1").await;
        let json = "return fetch('/garden/plants.json?_shape=array&id=7').then(answer => answer.json())";
        let plant = json!([{ "id": 7, "name": "plant 7", "colour": "white", "height": 7 }]);
        assert_eq!(browser.script(json).await, plant);
        let csv = "return fetch('/garden/plants.csv?_stream=on').then(answer => answer.text())\
             .then(text => text.trim().split('\\n').length)";
        assert_eq!(browser.script(csv).await, json!(20_001));
        done.push("facets, JSON, 20,000 rows streamed as CSV".to_owned());

        browser.goto(&site.url("/garden/add_plant")).await;
        browser.fill("input[name=name]", "a rose").await;
        browser.fill("input[name=colour]", "pink").await;
        browser.press("form.sql input[type=submit]").await;
        browser.reads(".message-info", |text| text.contains("1 row affected")).await;
        let json =
            "return fetch('/garden/plants.json?_shape=array&colour=pink').then(answer => answer.json())";
        assert_eq!(browser.script(json).await[0]["name"], "a rose");
        done.push("a row written by its form (POST, with its own token)".to_owned());
        done
    }
}
