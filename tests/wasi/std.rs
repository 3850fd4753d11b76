// SPDX-License-Identifier: MIT
//
// What a Rust program does through the standard library: files, directories, time, environment,
// collections. It has an empty folder as /.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn files() -> io::Result<()> {
    let mut f = OpenOptions::new().read(true).write(true).create_new(true).open("/file")?;
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

    OpenOptions::new().append(true).open("/file")?.write_all(b"!")?;
    assert_eq!(fs::read("/file")?.len(), 11);
    assert_eq!(fs::copy("/file", "/copy")?, 11);
    fs::rename("/copy", "/renamed")?;
    assert_eq!(File::open("/copy").unwrap_err().kind(), ErrorKind::NotFound);
    fs::hard_link("/renamed", "/hard")?;
    fs::remove_file("/hard")?;
    fs::remove_file("/renamed")?;
    fs::remove_file("/file")?;
    let again = OpenOptions::new().write(true).create_new(true).open("/file");
    drop(again?);
    let twice = OpenOptions::new().write(true).create_new(true).open("/file");
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::AlreadyExists);
    fs::remove_file("/file")
}

fn directories() -> io::Result<()> {
    fs::create_dir_all("/a/b/c")?;
    for i in 0..200 {
        fs::write(format!("/a/b/{:03}", i), [i as u8])?;
    }
    let mut names: Vec<String> =
        fs::read_dir("/a/b")?.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names.len(), 201);
    assert_eq!(names[0], "000");
    assert_eq!(names[200], "c");
    assert!(fs::metadata("/a/b/c")?.is_dir());
    assert!(!Path::new("/a/no").exists());
    assert!(fs::remove_dir("/a/b").is_err());
    fs::remove_dir_all("/a")?;
    assert!(!Path::new("/a").exists());
    assert!(File::open("/../secret").is_err());
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
    assert_eq!(args[1..], ["one", "two words", ""]);
    assert_eq!(std::env::var("NAME").unwrap(), "value");
    files().unwrap();
    directories().unwrap();
    time();
    collections();
    println!("standard output of a Rust program");
}
