// SPDX-License-Identifier: MIT
//
// What a Go program does through the standard library: files, directories, links, time, goroutines that
// sleep. It has an empty folder as /, or works in the one that its fourth argument names.
package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	folder := strings.Join(os.Args[min(4, len(os.Args)):], "")
	if strings.Join(os.Args[1:4], "|") != "one|two words|" || (folder == "" && os.Getenv("NAME") != "value") {
		fmt.Fprintln(os.Stderr, os.Args, os.Environ())
		os.Exit(1)
	}
	check(os.MkdirAll(folder+"/a/b/c", 0o755))
	for i := 0; i < 100; i++ {
		check(os.WriteFile(fmt.Sprintf("%s/a/b/%03d", folder, i), []byte("x"), 0o644))
	}
	entries, err := os.ReadDir(folder+"/a/b")
	check(err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	if len(names) != 101 {
		check(fmt.Errorf("%d names", len(names)))
	}
	f, err := os.OpenFile(folder+"/a/f", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	check(err)
	w := bufio.NewWriter(f)
	for i := 0; i < 1000; i++ {
		fmt.Fprintln(w, "line", i)
	}
	check(w.Flush())
	_, err = f.Seek(0, 0)
	check(err)
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
	}
	if n != 1000 {
		check(fmt.Errorf("%d lines", n))
	}
	check(f.Truncate(3))
	st, err := f.Stat()
	check(err)
	if st.Size() != 3 {
		check(fmt.Errorf("size %d", st.Size()))
	}
	check(f.Close())
	check(os.Rename(folder+"/a/f", folder+"/a/g"))
	check(os.Symlink("g", folder+"/a/l"))
	t, err := os.Readlink(folder+"/a/l")
	check(err)
	if t != "g" {
		check(fmt.Errorf("link %s", t))
	}
	check(os.Chtimes(folder+"/a/g", time.Unix(5, 6), time.Unix(7, 8)))
	count := 0
	check(filepath.WalkDir(folder+"/a", func(p string, d fs.DirEntry, err error) error { count++; return err }))
	if _, err := os.Open("/../secret"); err == nil {
		check(fmt.Errorf("escape"))
	}
	check(os.RemoveAll(folder+"/a"))
	start := time.Now()
	done := make(chan int)
	for i := 0; i < 10; i++ {
		go func() { time.Sleep(3 * time.Millisecond); done <- i }()
	}
	for i := 0; i < 10; i++ {
		<-done
	}
	if time.Since(start) < 3*time.Millisecond {
		check(fmt.Errorf("too fast"))
	}
	fmt.Println("standard output of a Go program", count)
}
