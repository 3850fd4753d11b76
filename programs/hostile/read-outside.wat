;; Reads as far from its memory as an instruction can name: 4 GiB of index and 4 GiB of offset.
(module
  (memory (export "memory") 1)
  (func $read (param $index i32) (result i32)
    (i32.load offset=0xffffffff (local.get $index)))
  (func $main (export "_start")
    (drop (call $read (i32.const 0xffffffff)))))
