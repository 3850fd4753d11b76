// SPDX-License-Identifier: MIT
//
// Runs a file of assertions, as wast2json writes it, in V8: node voter.js LISTING.json. Prints a line for each
// command that does not do what it should, then how many of the assertions hold. Fails without any. Texts of errors are
// not compared.
'use strict';
const fs = require('fs');
const path = require('path');

const listing = process.argv[2];
const folder = path.dirname(listing);
const commands = JSON.parse(fs.readFileSync(listing, 'utf8')).commands;
const registered = {};
const named = {};
let current = null;
let passed = 0;
let total = 0;

function toValue(v) {
    const bits = BigInt(v.value);
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, bits, true);
    switch (v.type) {
    case 'i32':
        return view.getInt32(0, true);
    case 'i64':
        return view.getBigInt64(0, true);
    case 'f32':
        return view.getFloat32(0, true);
    default:
        return view.getFloat64(0, true);
    }
}

function act(action) {
    const instance = action.module === undefined ? current : named[action.module];
    const got = instance.exports[action.field](...action.args.map(toValue));
    return got === undefined ? [] : Array.isArray(got) ? got : [got];
}

function compile(command) {
    return new WebAssembly.Module(fs.readFileSync(path.join(folder, command.filename)));
}

function caught(run) {
    try {
        run();
    } catch (why) {
        return why;
    }
    return null;
}

const kinds = {
    module(c) {
        current = new WebAssembly.Instance(compile(c), registered);
        if (c.name !== undefined) {
            named[c.name] = current;
        }
        return true;
    },
    register(c) {
        registered[c.as] = (c.name === undefined ? current : named[c.name]).exports;
        return true;
    },
    assert_return(c) {
        const got = act(c.action);
        const want = c.expected.map(toValue);
        return got.length === want.length && got.every((v, n) => Object.is(v, want[n]));
    },
    assert_trap: (c) => caught(() => act(c.action)) instanceof WebAssembly.RuntimeError,
    assert_exception: (c) => caught(() => act(c.action)) instanceof WebAssembly.Exception,
    assert_invalid: (c) => caught(() => compile(c)) instanceof WebAssembly.CompileError,
};

let failed = 0;
for (const command of commands) {
    const isAssertion = command.type.startsWith('assert_');
    total += isAssertion ? 1 : 0;
    let good = false;
    const why = caught(() => { good = kinds[command.type](command); });
    passed += good && isAssertion ? 1 : 0;
    if (!good) {
        failed++;
        console.log(`${path.basename(listing)}:${command.line}: ${command.type} ${why === null ? '' : why}`);
    }
}
console.log(`${passed} of ${total}`);
process.exit(total > 0 && failed === 0 ? 0 : 1);
