// SPDX-License-Identifier: MIT
//
// The program whose runtime docs/redirect.md replaces in part. It changes trees while the garbage collector marks them,
// so that the compiler's write barriers run, and it calls each replaced barrier with known values in all registers.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

const (
	workers     = 3
	depth       = 7
	barriersMin = 9000 // calls while the collector marks, before a worker ends
	collections = 4    // at least, before it ends
	checks      = 700  // of each entry; the buffer has 512 slots, so that every entry finds it full several times
)

// These are placeholders in stubs.s; scripts/redirect leads their calls to the replacement object.

// barrierCalls returns how often the replaced barriers were called.
func barrierCalls() uint64

// checkEntry fills every register, calls the barrier with n slots, and returns the number of the first wrong register
// plus 1, or 0, and the pointer to the slots.
func checkEntry(n uint64) (wrong, slots uint64)

type node struct {
	left, right *node
	value       int
}

func build(depth, value int) *node {
	if depth == 0 {
		return &node{value: value}
	}
	return &node{build(depth-1, 2*value), build(depth-1, 2*value+1), value}
}

func (n *node) sum() int {
	if n == nil {
		return 0
	}
	return n.value + n.left.sum() + n.right.sum()
}

func (n *node) mirror() {
	for n != nil {
		n.left, n.right = n.right, n.left
		n.left.mirror()
		n = n.right
	}
}

// grow makes the stack so large that the assembly below does not need the stack's guard.
//
//go:noinline
func grow() byte {
	var room [16384]byte
	for i := range room {
		room[i] = byte(i)
	}
	return room[len(os.Args)]
}

func checkRegisters() {
	for n := uint64(1); n <= 8; n++ {
		before, last := barrierCalls(), uint64(0)
		for i := 0; i < checks; i++ {
			wrong, slots := checkEntry(n)
			if wrong != 0 {
				fail("entry", n, "changed register", wrong-1)
			}
			if slots%8 != 0 || last != 0 && slots > last && slots != last+8*n {
				fail("entry", n, "returned slots at", slots, "after", last)
			}
			last = slots
		}
		if after := barrierCalls(); after-before != checks {
			fail("entry", n, "was counted", after-before, "times")
		}
	}
}

var done atomic.Int64 // collections

func work(seed int) {
	tree := build(depth, seed)
	sum := tree.sum()
	for before := barrierCalls(); barrierCalls() < before+barriersMin || done.Load() < collections; {
		tree.mirror()
		if tree.sum() != sum {
			fail("the sum of the tree is", tree.sum(), "instead of", sum)
		}
	}
}

func fail(words ...any) {
	fmt.Println(append([]any{"wrong:"}, words...)...)
	os.Exit(1)
}

func main() {
	runtime.LockOSThread()
	debug.SetGCPercent(-1) // only the collections below, so that none is on while the registers are checked
	runtime.GC()
	grow()
	cpus := runtime.GOMAXPROCS(1) // with one buffer of slots
	checkRegisters()
	runtime.GOMAXPROCS(cpus)

	var all sync.WaitGroup
	ended := make(chan bool)
	for i := 1; i <= workers; i++ {
		all.Add(1)
		go func() {
			work(i)
			all.Done()
		}()
	}
	go func() {
		all.Wait()
		close(ended)
	}()
	for {
		runtime.GC()
		done.Add(1)
		select {
		case <-ended:
			fmt.Println("barriers", barrierCalls(), "collections", done.Load())
			return
		default:
		}
	}
}
