// SPDX-License-Identifier: MIT
//
// Real programs (subject.c, subject.cpp) under the shim, and what DevTools makes of every
// kind of snapshot they give. The subjects' heaps are known to the byte, and so are the
// expected rows.
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import {after, before, describe, test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {load} from './model.mjs';
import {lineOf, onlySnapshot, Tracked} from './tracked.mjs';

const directory = process.env.HEAPSNAP_TEST_DIR;
const file = name => path.join(directory, `${name}.heapsnapshot`);
const source = name => fileURLToPath(new URL(name, import.meta.url));
const {HEAPSNAP_SUBJECT: subject, HEAPSNAP_SUBJECT_CPP: subjectCpp} = process.env;

/** "malloc ← node_add (subject.c:61)" for the one line that contains `text`. */
function site(name, text) {
  return `malloc ← ${name} (subject.c:${lineOf(source('subject.c'), text)})`;
}
const NODE = 'struct node';
const TEXT = '(string)';
const TREE = 'struct tree';
const CYCLE = 'struct cycle';
const SCRATCH = site('scratch_new', 'malloc(5000)');

/** A class as a person reads it: without the brackets of instance names. */
const plain = name => name.replaceAll('\u00a0', ' ').replace(/<(.*)>$/, '$1');

/** The row of the class, however its instances are named. */
function row(model, name) {
  const rows = model.classes().map(row => ({...row, name: plain(row.name)}));
  return rows.find(row => row.name === name)
    ?? assert.fail(`no class "${name}" among ${rows.map(row => row.name).join(', ')}`);
}
const countAndSize = (model, name) => {
  const {count, shallow} = row(model, name);
  return [count, shallow];
};
const changes = (model, base) => Object.fromEntries(model.comparison(base).map(row =>
  [plain(row.name), [row.added, row.addedSize, row.removed]]));

describe('snapshots on request, before and after growth', () => {
  let program, first, second, quiet;

  before(async () => {
    // The test runner sets MALLOC_PERTURB_: what stands behind a text would be no text.
    program = new Tracked(subject, {environment: {MALLOC_PERTURB_: '0'}});
    await program.line();
    await program.ask('ping'); // stdin's buffer exists from here on
    first = await load(await program.snap(file('request-1')));
    await program.ask('grow');
    second = await load(await program.snap(file('request-2')));
    quiet = await load(await program.snap(file('request-3')));
  });
  after(() => program.quit());

  test('they load without a warning', () => {
    assert.deepEqual([first, second, quiet].map(model => model.warnings), [[], [], []]);
  });

  test('every block is there once, under its type and with its size', () => {
    assert.deepEqual(countAndSize(first, NODE), [10, 10 * 24]);
    const texts = first.nodes(node => / ← text_new \(subject\.c:\d+\)$/.test(node.name));
    assert.deepEqual(texts.map(node => node.size), Array(10).fill(100));
    assert.deepEqual(countAndSize(second, NODE), [20, 20 * 24]);
    assert.equal(row(second, NODE).retained, 20 * (24 + 100));
  });

  test("the list's end is held by the global, through every node", () => {
    const nodes = second.nodes(node => plain(node.class) === NODE);
    const last = nodes.reduce((a, b) => a.distance > b.distance ? a : b);

    const chain = second.retainerChain(last.id);

    assert.equal(chain.length, 19 + 2);
    assert.match(chain.at(-2), /^g_list in subject \(\.data, \.bss\)$/);
    assert.match(chain.at(-1), /^\S+ in \(Modules\)$/);
  });

  test('lost trees and cycles are marked as such, whole', () => {
    assert.deepEqual(countAndSize(second, `Detached ${TREE}`), [10 * 3, 10 * 3 * 64]);
    assert.deepEqual(countAndSize(second, `Detached ${CYCLE}`), [4 * 2, 4 * 2 * 32]);
  });

  test('the group of a lost stack retains what that stack lost', () => {
    const [{id}] = second.nodes(node => node.rawName === '(Unreachable: leaked)');
    const groups = second.edges(id);

    const trees = groups.filter(row => row.name.startsWith('tree_new (subject.c:'));

    assert.deepEqual(trees.map(row => row.retained), [5 * 3 * 64, 5 * 3 * 64]);
    assert.deepEqual(trees.map(row => row.name.replace(/^.*?←/, '←')).sort(), [
      '← tree_lose ← grow ← main — 5 blocks', '← tree_lose ← grow ← obey — 5 blocks',
    ]);
  });

  test('nothing else is lost', () => {
    const rows = second.classes({filterName: 'objectsRetainedByDetachedDomNodes'});

    assert.deepEqual(rows.map(row => plain(row.name)).sort(),
      [`Detached ${CYCLE}`, `Detached ${TREE}`].sort());
  });

  test("blocks on a thread's stack are held by a frame of that thread", () => {
    const scratches = second.nodes(node => plain(node.class) === SCRATCH);

    const holders = scratches.map(({id}) => second.retainers(id)[0]);

    assert.equal(holders.length, 2);
    for (const holder of holders) {
      assert.equal(holder.type, 'context', JSON.stringify(holder));
      assert.match(holder.edge, /worker/);
      assert.match(holder.name, /^<thread\D+\d+ "worker"/);
    }
    assert.equal(row(second, 'thread').count, 3);
  });

  test('descriptors are there, and say what they are', () => {
    const names = second.nodes(node => /^<fd/.test(node.name)).map(node => plain(node.name));

    assert.equal(names.filter(name => /eventfd/.test(name)).length, 2, names.join(' | '));
    assert.equal(names.filter(name => /pipe/.test(name)).length >= 2, true, names.join(' | '));
  });

  test('Comparison shows the growth and nothing else', () => {
    const rows = changes(second, first);
    const blocks = Object.entries(rows).filter(([name]) => !/^fd /.test(name));
    const descriptors = Object.entries(rows).filter(([name]) => /^fd /.test(name));

    assert.deepEqual(Object.fromEntries(blocks), {
      [NODE]: [10, 240, 0], [TEXT]: [10, 1000, 0],
      [`Detached ${TREE}`]: [15, 15 * 64, 0], [`Detached ${CYCLE}`]: [4, 4 * 32, 0],
    });
    assert.deepEqual(descriptors.reduce((sum, [, [added,, removed]]) =>
      [sum[0] + added, sum[1] + removed], [0, 0]), [2, 0]);
  });

  test('a quiet program has nothing new and nothing deleted', () => {
    assert.deepEqual(changes(quiet, second), {});
  });

  test('every instance shows its address', () => {
    const names = first.nodes(node => plain(node.class) === NODE).map(node => node.name);

    assert.equal(new Set(names).size, 10);
    assert.ok(names.every(name => / 0x[0-9a-f]+>$/.test(name)), names[0]);
  });

  test('the frame that allocated a block is a weak edge away', () => {
    const [{id}] = first.nodes(node => plain(node.class) === NODE);

    const edge = first.edges(id).find(row => row.edge === 'allocated at');

    assert.equal(edge?.type, 'weak');
    assert.match(edge.name, /^node_add \(subject\.c:\d+\) — 10 live, 240 B$/);
  });
});

describe('the other kinds of snapshot', () => {
  test('at exit: the status stays, and what was freed before is gone', async () => {
    const program = new Tracked(subject, {options: ['-o', file('exit')]});
    await program.line();

    const status = await program.quit();

    assert.deepEqual(status, {code: 7, signal: null}, program.errors);
    const model = await load(file('exit'));
    assert.deepEqual(model.warnings, []);
    assert.deepEqual(countAndSize(model, NODE), [10, 240]);
    assert.equal(model.nodes(node => plain(node.class) === SCRATCH).length, 0);
  });

  test('on a signal', async () => {
    const target = path.join(directory, 'signal');
    fs.mkdirSync(target);
    const program = new Tracked(subject,
      {options: ['--no-exit-snapshot', '--signal', 'USR2', '-d', target]});
    await program.line();

    process.kill(program.pid, 'SIGUSR2');
    const model = await load(await onlySnapshot(target));

    assert.deepEqual(model.warnings, []);
    assert.deepEqual(countAndSize(model, NODE), [10, 240]);
    assert.equal((await program.quit()).code, 7);
  });

  test('through the C API', async () => {
    const program = new Tracked(subject);
    await program.line();

    assert.equal(await program.ask(`api ${file('api')}`), 'done', program.errors);
    const model = await load(file('api'));

    assert.deepEqual(model.warnings, []);
    assert.deepEqual(countAndSize(model, NODE), [10, 240]);
    await program.quit();
  });

  test('with nothing but the environment', async () => {
    const target = path.join(directory, 'environment');
    fs.mkdirSync(target);

    const {status} = spawnSync(subject, {input: 'quit\n', env: {...process.env,
      LD_PRELOAD: process.env.HEAPSNAP_SHIM, HEAPSNAP_OPTIONS: `snapshot=exit:dir=${target}`}});
    const model = await load(await onlySnapshot(target));

    assert.equal(status, 7);
    assert.deepEqual(model.warnings, []);
    assert.deepEqual(countAndSize(model, NODE), [10, 240]);
  });

  test('without instance names', async () => {
    const program = new Tracked(subject);
    await program.line();
    const names = process.env.HEAPSNAP_CAPTURE_NAMES;

    execFileSync(names, [String(program.pid), file('plain'), '0']);
    execFileSync(names, [String(program.pid), file('named'), '1']);
    const [plainly, named] = [await load(file('plain')), await load(file('named'))];

    assert.equal(plainly.class(NODE).count, 10);
    assert.equal(named.nodes(node => node.name === NODE).length, 0);
    assert.deepEqual(countAndSize(named, NODE), [10, 240]);
    assert.deepEqual([...plainly.warnings, ...named.warnings], []);
    await program.quit();
  });

  test('with a block of 10 GiB', async t => {
    // The test runner sets MALLOC_PERTURB_, which would fill the block.
    const program = new Tracked(subject, {environment: {MALLOC_PERTURB_: '0'}});
    await program.line();
    if (await program.ask('huge') !== 'done') {
      t.skip('this machine gives nobody 10 GiB');
      return program.quit();
    }

    const model = await load(await program.snap(file('huge')));

    const {shallow, retained} = row(model, site('obey', '(size_t)10 << 30'));
    assert.equal(shallow, 10 * 2 ** 30);
    assert.equal(retained, 10 * 2 ** 30);
    assert.deepEqual(model.warnings, []);
    await program.quit();
  });
});

describe('a C++ program', {skip: !subjectCpp && 'skip: no C++ compiler at build time'}, () => {
  let model;
  before(async () => {
    const program = new Tracked(subjectCpp);
    await program.line();
    model = await load(await program.snap(file('cpp')));
    await program.quit();
  });
  const named = pattern => model.classes().filter(row => pattern.test(plain(row.name)));

  test('loads without a warning', () => assert.deepEqual(model.warnings, []));

  test('classes have the names that the source gives them', () => {
    const [customers] = named(/^shop::Customer$/);
    const [owners] = named(/^std::unique_ptr<shop::Customer>\[\]$/);

    assert.equal(customers?.count, 8, model.classes().map(row => row.name).join(' | '));
    assert.equal(owners?.count, 1);
  });

  test('the vector in the global holds every customer', () => {
    const [customer] = model.nodes(node => /shop::Customer>?$/.test(plain(node.class)) && node.size > 50);

    const chain = model.retainerChain(customer.id);

    assert.match(chain.at(-2), /^shop::customers\S* in subject_cpp \(\.data, \.bss\)$/);
  });

  test('the lost object is found', () => {
    const rows = named(/^Detached (malloc ← shop::lose_slot \(subject\.cpp:\d+\)|shop::Slot)$/);

    assert.deepEqual(rows.map(row => [row.count, row.shallow]), [[1, 128]]);
  });
});
