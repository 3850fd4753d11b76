;; SPDX-License-Identifier: MIT
;;
;; Calls a few functions that return a digit, in every way, and prints what they returned: a line a
;; round. `hold` says in which round it is by a folder (/tmp/at1), and waits for a file (/tmp/go1).
;; tests/smoke/test_livepatch.py makes other builds of it, with other digits.
(module
  (type $digit (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $mkdir (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $stat (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 0) $step $deep)
  (tag $thrown (param i32))
  (global $calls (mut i32) (i32.const 0))
  (data (i32.const 16) "tmp/at?tmp/go?")
  (data (i32.const 32) "???????\n")

  (func $hold (param $round i32) (result i32)
    (i32.store8 (i32.const 22) (i32.add (local.get $round) (i32.const 48)))
    (i32.store8 (i32.const 29) (i32.add (local.get $round) (i32.const 48)))
    (drop (call $mkdir (i32.const 3) (i32.const 16) (i32.const 7)))
    (loop $wait
      (br_if $wait (call $stat (i32.const 3) (i32.const 0) (i32.const 23) (i32.const 7) (i32.const 128))))
    (i32.const 49))

  (func $step (type $digit) (global.set $calls (i32.add (global.get $calls) (i32.const 1))) (i32.const 49))
  (func $leaf (type $digit) (i32.const 49))
  (func $deep (type $digit) (return_call $leaf (call $step (local.get 0))))
  (func $never (type $digit) (i32.const 49))
  (func $throw (type $digit) (throw $thrown (i32.const 49)))
  (func $catch (type $digit)
    (try (result i32) (do (call $throw (local.get 0))) (catch $thrown)))
  (func $spin (type $digit)
    (loop $on (br_if $on (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1)))))
    (i32.const 49))

  (func (export "_start") (local $round i32)
    (loop $next
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (i32.store8 (i32.const 32) (call $hold (local.get $round)))
      (i32.store8 (i32.const 33) (call $step (i32.const 0)))
      (i32.store8 (i32.const 34) (call_indirect (type $digit) (i32.const 0) (i32.const 0)))
      (i32.store8 (i32.const 35) (call $deep (i32.const 0)))
      (i32.store8 (i32.const 36) (call $spin (i32.const 5)))
      (i32.store8 (i32.const 38) (call $catch (i32.const 0)))
      (if (i32.ge_u (local.get $round) (i32.const 3))
        (then (i32.store8 (i32.const 37) (call $never (i32.const 0)))))
      (i32.store (i32.const 8) (i32.const 32))
      (i32.store (i32.const 12) (i32.const 8))
      (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
      (br_if $next (i32.lt_u (local.get $round) (i32.const 5))))))
