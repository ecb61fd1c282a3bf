//! SQLite: which table and columns are read, what SQL's types may hold, and that the file is left alone.

use rusqlite::Connection;

use super::*;

/// A database that a script makes, in a folder of its own.
fn database(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    Connection::open(&file).unwrap().execute_batch(script).unwrap();
    (folder, file)
}

fn from(script: &str) -> Result<Contents, ImportError> {
    let (_folder, file) = database(script);
    read(Source::new("app.db", None, fs::read(file).unwrap()).unwrap())
}

fn said(script: &str) -> String {
    from(script).unwrap_err().to_string()
}

#[test]
fn nothing_is_created_or_changed_beside_the_database() {
    for mode in ["DELETE", "WAL"] {
        let (folder, file) = database(&format!(
            "PRAGMA journal_mode={mode}; CREATE TABLE auth(uid INTEGER PRIMARY KEY, email, username, password);
             INSERT INTO auth VALUES (3, 'a@example.com', 'a', '$x');"
        ));
        let before = fs::read(&file).unwrap();
        let contents = read(Source::open(&file, None).unwrap()).unwrap();
        assert_eq!(
            rows(contents),
            [
                "row 3: {\"uid\":3,\"email\":\"a@example.com\",\"username\":\"a\",\"is_active\":true,\"roles\":[],\
              \"email_verified\":false,\"password_hash\":\"$x\"}"
            ]
        );
        let names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["app.db"], "{mode}");
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

#[test]
fn a_database_whose_last_changes_are_in_its_wal_is_refused_until_they_are_in_it() {
    let (_folder, file) =
        database("PRAGMA journal_mode=WAL; CREATE TABLE users(id, email, username, password)");
    let program = Connection::open(&file).unwrap();
    program.execute_batch("INSERT INTO users VALUES (1, 'a@example.com', 'a', '$x')").unwrap();
    let error = Source::open(&file, None).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("the last changes to `") && error.contains("app.db-wal`"), "{error}");
    assert!(error.contains("VACUUM INTO"), "{error}");
    program.close().unwrap();
    assert_eq!(read(Source::open(&file, None).unwrap()).unwrap().lines.len(), 1);
}

#[test]
fn the_one_table_with_addresses_and_passwords_is_read_whatever_its_name() {
    let contents = from(
        "CREATE TABLE token(token_id INTEGER PRIMARY KEY, uid, access_token);
         CREATE TABLE newsletter(email);
         CREATE VIEW people AS SELECT 1 AS id, 'v@example.com' AS email, 'v' AS username, '' AS password;
         CREATE TABLE \"my \"\"people\"(id INTEGER PRIMARY KEY, Email TEXT, name TEXT, hashed_password BLOB,
                                        disabled BOOLEAN, active TEXT, role TEXT, created REAL);
         INSERT INTO \"my \"\"people\" VALUES (9, 'a@example.com', 'a', x'2478', 1, 'False', '[\"x\", \"y\"]', 1704164645.9);",
    )
    .unwrap();
    assert_eq!(contents.unread, ["disabled"]);
    assert_eq!(
        rows(contents),
        ["row 9: {\"uid\":9,\"email\":\"a@example.com\",\"username\":\"a\",\"is_active\":false,\
          \"roles\":[\"x\",\"y\"],\"email_verified\":false,\"created_at\":\"2024-01-02T03:04:05.000Z\",\
          \"password_hash\":\"$x\"}"]
    );
}

#[test]
fn a_fields_own_name_goes_before_others_and_two_others_are_ambiguous() {
    let contents = from(
        "CREATE TABLE users(id, uid, email, username, name, password);
         INSERT INTO users VALUES (1, 2, 'a@example.com', 'a', 'A. B.', '');",
    )
    .unwrap();
    assert_eq!(contents.unread, ["id", "name"]);
    assert!(
        rows(contents)[0].starts_with("row 1: {\"uid\":2,\"email\":\"a@example.com\",\"username\":\"a\",")
    );
    assert_eq!(
        said("CREATE TABLE users(email, username, password, hashed_password)"),
        "several columns of the table `users` in `app.db` could be `password_hash`: `password`, `hashed_password`\n\
         hint: export the right ones as CSV, as in `sqlite3 -header -csv app.db 'SELECT password AS password_hash, … \
         FROM users' > users.csv`, and import that"
    );
}

#[test]
fn a_database_without_one_such_table_is_refused_with_its_tables_named() {
    let needs = "no table of `app.db` holds users: each needs a column of `email`, `email_address` and one of \
                 `password_hash`, `hashed_password`, `password`\nhint: ";
    assert_eq!(
        said("CREATE TABLE x(email); CREATE TABLE y(password)"),
        format!("{needs}its tables are `x`, `y`; is it the right file?")
    );
    assert_eq!(
        said("CREATE TABLE x(email); DROP TABLE x"),
        format!("{needs}it has no tables at all; is it the right file?")
    );
    assert_eq!(
        said("CREATE TABLE users(email, password); CREATE TABLE admins(email, password_hash)"),
        "several tables of `app.db` could hold the users: `admins`, `users`\nhint: export the right one, as in \
         `sqlite3 -header -csv app.db 'SELECT * FROM admins' > users.csv`, and import that"
    );
    assert_eq!(
        said("CREATE TABLE users(email, password)"),
        "the table `users` of `app.db` has no column `username`\n\
         hint: it may be called `username`, `name`, `user_name`"
    );
}

#[test]
fn values_that_are_none_are_faults_of_their_rows() {
    let contents = from(
        "CREATE TABLE users(uid, email, username, password, is_active, created_at);
         INSERT INTO users VALUES
           ('6c5d1b0e-8c2f-4a49-9b39-0f1f6f3f8d53', 'a@example.com', 'a', '$', 1, NULL),
           (0, 'b@example.com', 'b', '$', 1, NULL),
           (-3, 'c@example.com', 'c', '$', 1, NULL),
           (4, NULL, 'd', '$', 1, NULL),
           (5, 'e@example.com', 'e', '$', 2, NULL),
           (6, 'f@example.com', 'f', '$', 'true', 1704164645678),
           (7, 'g@example.com', 'g', x'ff', '0', 1704164645),
           ('8', 'h@example.com', 'h', 'hunter2', NULL, '2024-01-02 03:04:05.123456');",
    )
    .unwrap();
    let uid = |given: &str| {
        format!(
            "`uid` must be a whole number of 1 or more, not {given}; without one the next free number is given"
        )
    };
    let time = "must be a time since 1970 such as `2024-01-02 03:04:05`, or Unix seconds";
    assert_eq!(
        faults(contents),
        [
            format!("row 1: {}", uid("\"6c5d1b0e-8c2f-4a49-9b39-0f1f6f3f8d53\"")),
            format!("row 2: {}", uid("0")),
            format!("row 3: {}", uid("-3")),
            "row 4: `email` is missing".to_owned(),
            "row 5: `is_active` must be true or false, not 2".to_owned(),
            format!("row 6: `created_at` {time}, not 1704164645678"),
            "row 7: `password_hash` must be a string, not bytes that are not UTF-8".to_owned(),
            "row 8: `password_hash` is no hash that can be verified: it is of no known kind; left empty, its user \
             sets a password by a reset"
                .to_owned(),
        ]
    );
}

#[test]
fn a_table_without_row_numbers_has_its_rows_counted() {
    let contents = from(
        "CREATE TABLE users(email PRIMARY KEY, username, password) WITHOUT ROWID;
         INSERT INTO users VALUES ('b@example.com', 'b', ''), ('a@example.com', 'a', '');",
    );
    let places: Vec<Place> = contents.unwrap().lines.iter().map(|line| line.at).collect();
    assert_eq!(places, [Place::Row(1), Place::Row(2)]);
}

#[test]
fn a_damaged_database_is_refused_whole() {
    let (_folder, file) = database(
        "CREATE TABLE users(uid INTEGER PRIMARY KEY, email, username, password);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO users SELECT i, i || '@example.com', i, '$x' FROM n;",
    );
    let bytes = fs::read(&file).unwrap();
    let mut damaged = bytes.clone();
    damaged[8192..12288].fill(0x5a);
    let cut = bytes[..bytes.len() / 2].to_vec();
    for bytes in [damaged, cut, bytes[..200].to_vec()] {
        let error = read(Source::new("app.db", None, bytes).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("SQLite can't read `app.db`: "), "{error}");
    }
}
