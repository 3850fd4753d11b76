// SPDX-License-Identifier: MIT
//
// V8 as an engine: node voter.js FILE... prints what wasm-oracle does, but for the texts of errors, which are its own,
// and the places of traps. node voter.js --can KIND: exit with 0 if V8 knows the instructions of modules of this kind.
'use strict';
const fs = require('fs');

const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0];
const vector = [0xfd, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

// Bodies with one instruction of the kind.
const bodies = {
    exceptions: [0x1f, 0x40, 0, 0x0b], // try_table
    relaxed: [...vector, ...vector, 0xfd, 0x80, 2, 0x1a],
};

function can(kind) {
    const body = [0, ...bodies[kind], 0x0b];
    return WebAssembly.validate(new Uint8Array([...header, 10, body.length + 2, 1, body.length, ...body]));
}

function toText(value) {
    return typeof value === 'bigint' ? `i64:${BigInt.asUintN(64, value)}` : `i32:${value >>> 0}`;
}

function runModule(file) {
    console.log(`module ${file}`);
    const module = new WebAssembly.Module(fs.readFileSync(file));
    const { exports } = new WebAssembly.Instance(module);
    for (const { name, kind } of WebAssembly.Module.exports(module)) {
        if (kind !== 'function' || exports[name].length !== 0) {
            continue;
        }
        try {
            const got = exports[name]();
            const values = got === undefined ? [] : Array.isArray(got) ? got : [got];
            console.log(`${name}() => ${values.map(toText).join(', ')}`);
        } catch (why) {
            const isThrown = why instanceof WebAssembly.Exception;
            console.log(`${name}() => error: ${isThrown ? 'uncaught exception' : why.message}`);
        }
    }
}

const files = process.argv.slice(2);
if (files[0] === '--can') {
    process.exit(can(files[1]) ? 0 : 1);
}
files.forEach(runModule);
