import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import { test } from 'node:test';
import { configured, firstThatWorks } from '../src/server/find';
import { Failed, run, type Run } from '../src/server/run';
import { within } from '../src/server/within';

const LIMIT = { timeout: 30_000 };
const POSIX = { ...LIMIT, skip: process.platform === 'win32' };

/** A wrapper as people write them: it starts another program, which has its pipes. It says that program's number first. */
function wrapped(wrapper: string, inner: string): string[] {
  const script = `${wrapper} const c = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(inner)}], { stdio: 'inherit' }); console.log(c.pid); setInterval(() => {}, 1e6);`;
  return ['-e', script];
}

const FOR_EVER = 'setInterval(() => {}, 1e6)';
const STUBBORN = `process.on('SIGTERM', () => {}); ${FOR_EVER}`;

function lives(process_: number): boolean {
  try {
    process.kill(process_, 0);
    // One that has ended and was not waited for is no program any more.
    return process.platform !== 'linux' || !/^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${process_}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(process_: number): Promise<void> {
  while (lives(process_)) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('a program that hangs ends after its limit, with what it has started', POSIX, async () => {
  let inner = 0;
  const said = run(process.execPath, wrapped('', FOR_EVER), { limitMs: 5_000, onLine: (line) => (inner = Number(line)) });
  await assert.rejects(said, (error: Failed) => error.message === 'no answer within 5 s');
  assert.ok(inner);
  await gone(inner);
});

test('a program that does not let itself be ended is killed', POSIX, async () => {
  const stop = new AbortController();
  let inner = 0;
  const onLine = (line: string): void => {
    inner = Number(line);
    stop.abort();
  };
  await assert.rejects(run(process.execPath, wrapped("process.on('SIGTERM', () => {});", STUBBORN), { signal: stop.signal, onLine }), Failed);
  await gone(inner);
});

test('what was cancelled has ended when that is told', LIMIT, async () => {
  const stop = new AbortController();
  let child = 0;
  const onLine = (line: string): void => {
    child = Number(line);
    stop.abort();
  };
  await assert.rejects(run(process.execPath, ['-e', `console.log(process.pid); ${FOR_EVER}`], { signal: stop.signal, onLine }), /cancelled/);
  assert.equal(lives(child), false);
  await assert.rejects(run(process.execPath, ['--version'], { signal: stop.signal }), /cancelled/);
});

test('a program that writes without end fills no memory', LIMIT, async () => {
  const endless = 'const piece = "x".repeat(1e6); for (let i = 0; i < 8; i += 1) process.stdout.write(piece); process.stdout.write("\\nlast\\n")';
  const lines: string[] = [];
  const said = await run(process.execPath, ['-e', endless], { onLine: (line) => lines.push(line) });
  assert.ok(said.length <= 2_000_000 && said.endsWith('last\n'));
  assert.ok(lines.length === 2 && lines.every((line) => line.length <= 10_000));
});

test('programs are started where nothing is that they could take for theirs', LIMIT, async () => {
  const folder = (await run(process.execPath, ['-p', 'process.cwd()'])).trim();
  assert.notEqual(folder, os.homedir());
  assert.deepEqual(fs.readdirSync(folder).filter((file) => !file.endsWith('.js')), []);
});

test('the search ends as soon as nobody waits for it', async () => {
  const stop = new AbortController();
  const tried: string[] = [];
  const fake: Run = (program) => {
    tried.push(program);
    stop.abort();
    return Promise.reject(new Failed('cancelled', ''));
  };
  const all = ['/a', '/b'].map((program) => ({ program, args: [], from: 'the test' }));
  assert.equal(await firstThatWorks(all, fake, () => undefined, stop.signal), undefined);
  assert.deepEqual(tried, ['/a']);
});

test('a server that never answers is waited for so long, or until it is not wanted', async () => {
  const never = new Promise<void>(() => undefined);
  const stop = new AbortController();
  await assert.rejects(within(never, 1, 'it does not answer', stop.signal), /it does not answer/);
  const waiting = within(never, 1e6, 'too late', stop.signal);
  stop.abort();
  await assert.rejects(waiting, /cancelled/);
  await assert.rejects(within(never, 1e6, 'too late', stop.signal), /cancelled/);
  assert.equal(await within(Promise.resolve(3), 1e6, 'too late', new AbortController().signal), 3);
});

test('a configured command is whatever stands in the file', () => {
  assert.equal(configured(undefined), undefined);
  assert.equal(configured(null), undefined);
  assert.equal(configured(''), undefined);
  assert.deepEqual(configured('/with spaces/codeassist')?.program, '/with spaces/codeassist');
  assert.equal(configured(['~/bin/codeassist'])?.program, `${os.homedir()}/bin/codeassist`);
  assert.equal(configured(['~other/codeassist'])?.program, '~other/codeassist');
  for (const wrong of [[1], { program: 'x' }, 7, ['x', null]]) assert.throws(() => configured(wrong), /codeassist\.command is a list of texts.*it is /);
});
