;; Takes a float for an address. wat2wasm --no-check makes it; nothing else should.
(module
  (memory (export "memory") 1)
  (func $main (export "_start")
    (drop (i32.load (f64.const 1e18)))))
