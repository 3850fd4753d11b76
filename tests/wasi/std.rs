// SPDX-License-Identifier: MIT
//
// What a Rust program does through the standard library: files, directories, time, environment,
// collections. It has an empty folder as /, or works in the one that its fourth argument names.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where all of it happens.
struct Folder(String);

impl Folder {
    fn at(&self, path: &str) -> String {
        format!("{}{}", self.0, path)
    }
}

fn files(folder: &Folder) -> io::Result<()> {
    let mut f = OpenOptions::new().read(true).write(true).create_new(true).open(folder.at("/file"))?;
    for i in 0..1000 {
        writeln!(f, "line {}", i)?;
    }
    f.seek(SeekFrom::Start(0))?;
    let lines: Vec<String> = BufReader::new(&f).lines().collect::<Result<_, _>>()?;
    assert_eq!(lines.len(), 1000);
    assert_eq!(lines[999], "line 999");
    f.set_len(10)?;
    f.sync_all()?;
    assert_eq!(f.metadata()?.len(), 10);
    f.seek(SeekFrom::End(-4))?;
    let mut end = String::new();
    f.read_to_string(&mut end)?;
    assert_eq!(end, "\nlin");
    drop(f);

    OpenOptions::new().append(true).open(folder.at("/file"))?.write_all(b"!")?;
    assert_eq!(fs::read(folder.at("/file"))?.len(), 11);
    assert_eq!(fs::copy(folder.at("/file"), folder.at("/copy"))?, 11);
    fs::rename(folder.at("/copy"), folder.at("/renamed"))?;
    assert_eq!(File::open(folder.at("/copy")).unwrap_err().kind(), ErrorKind::NotFound);
    fs::hard_link(folder.at("/renamed"), folder.at("/hard"))?;
    fs::remove_file(folder.at("/hard"))?;
    fs::remove_file(folder.at("/renamed"))?;
    fs::remove_file(folder.at("/file"))?;
    let again = OpenOptions::new().write(true).create_new(true).open(folder.at("/file"));
    drop(again?);
    let twice = OpenOptions::new().write(true).create_new(true).open(folder.at("/file"));
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::AlreadyExists);
    fs::remove_file(folder.at("/file"))
}

fn directories(folder: &Folder) -> io::Result<()> {
    fs::create_dir_all(folder.at("/a/b/c"))?;
    for i in 0..200 {
        fs::write(folder.at(&format!("/a/b/{:03}", i)), [i as u8])?;
    }
    let mut names: Vec<String> =
        fs::read_dir(folder.at("/a/b"))?.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 201);
    assert_eq!(names[0], "000");
    assert_eq!(names[200], "c");
    assert!(fs::metadata(folder.at("/a/b/c"))?.is_dir());
    assert!(!Path::new(&folder.at("/a/no")).exists());
    assert!(fs::remove_dir(folder.at("/a/b")).is_err());
    fs::remove_dir_all(folder.at("/a"))?;
    assert!(!Path::new(&folder.at("/a")).exists());
    assert!(File::open(folder.at("/../secret")).is_err());
    Ok(())
}

fn time() {
    let start = Instant::now();
    std::thread::sleep(Duration::from_millis(3));
    assert!(start.elapsed() >= Duration::from_millis(3));
    assert!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() > 0);
}

fn collections() {
    // The table's keys come from the host's randomness.
    let mut map = HashMap::new();
    for i in 0..10_000u32 {
        map.insert(i, i.wrapping_mul(2_654_435_761));
    }
    let sum: u64 = map.values().map(|&v| u64::from(v)).sum();
    let want: u64 = (0..10_000u32).map(|i| u64::from(i.wrapping_mul(2_654_435_761))).sum();
    assert_eq!(sum, want);
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    assert_eq!(args[1..4], ["one", "two words", ""]);
    let folder = Folder(args.get(4).cloned().unwrap_or_default());
    if args.len() == 4 {
        assert_eq!(std::env::var("NAME").unwrap(), "value");
    }
    files(&folder).unwrap();
    directories(&folder).unwrap();
    time();
    collections();
    println!("standard output of a Rust program");
}
