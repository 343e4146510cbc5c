import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { Backoff } from '../src/server/backoff';
import { NotMade, interpreter, make, reason, tidy } from '../src/server/environment';
import { candidates, configured, firstThatWorks } from '../src/server/find';
import { percentage } from '../src/server/pulling';
import { Failed, run, type Run } from '../src/server/run';
import { environmentVariables } from '../src/server/variables';

test('a server that stops again and again is started later each time, and then not any more', () => {
  const backoff = new Backoff(() => 1);
  assert.deepEqual(Array.from({ length: 7 }, () => backoff.stopped()), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, undefined]);
  backoff.reset();
  assert.equal(backoff.stopped(), 1_000);
});

test('a server that ran for a while is started again soon', () => {
  let now = 1;
  const backoff = new Backoff(() => now);
  for (let crash = 0; crash < 6; crash += 1) backoff.stopped();
  backoff.started();
  now += 60_000;
  assert.equal(backoff.stopped(), 1_000);
  assert.equal(backoff.stopped(), 2_000);
});

test('the workspace comes before the search path, and our own environment last', () => {
  const places = { interpreters: ['/project/.venv/bin/python', '/gone/python', 'python', '/project/.venv/bin/python'], own: '/own/bin/python' };
  const found = candidates({ ...places, exists: (file) => !file.startsWith('/gone') });
  assert.deepEqual(found.map(({ program, args }) => [program, ...args]), [
    ['/project/.venv/bin/python', '-m', 'codeassist'],
    ['codeassist'],
    ['/own/bin/python', '-m', 'codeassist'],
  ]);
  assert.deepEqual(candidates({ interpreters: [], own: '/own', exists: () => false }).map(({ program }) => program), ['codeassist']);
});

test('the first that says its version is taken', async () => {
  const answers: Record<string, string> = { '/a/python': 'No module named codeassist', '/c/python': 'codeassist 0.1.0\n' };
  const fake: Run = (program) => (program in answers ? Promise.resolve(answers[program] ?? '') : Promise.reject(new Failed('ENOENT', '')));
  const notes: string[] = [];
  const all = ['/a/python', '/b/python', '/c/python', '/d/python'].map((program) => ({ program, args: [], from: 'the test' }));
  assert.equal((await firstThatWorks(all, fake, (line) => notes.push(line)))?.program, '/c/python');
  assert.equal(notes.length, 3);
  assert.equal(await firstThatWorks(all.slice(0, 2), fake, () => undefined), undefined);
});

test('a configured command names the program, with or without the sub-command', () => {
  assert.equal(configured([]), undefined);
  assert.equal(configured(['']), undefined);
  assert.deepEqual(configured(['/x/codeassist', 'lsp'])?.args, []);
  assert.deepEqual(configured(['python', '-m', 'codeassist'])?.args, ['-m', 'codeassist']);
});

test('a program is run to its end, its lines told and its failure kept', async () => {
  const lines: string[] = [];
  const said = await run(process.execPath, ['-e', 'console.log("one\\ntwo"); console.error("three")'], { onLine: (line) => lines.push(line) });
  assert.deepEqual([said.includes('two'), lines.sort()], [true, ['one', 'three', 'two']]);
  const failing = run(process.execPath, ['-e', 'console.error("why"); process.exit(3)']);
  await assert.rejects(failing, (error: Failed) => error.output.includes('why') && error.message.includes('3'));
  await assert.rejects(run('/nowhere/at/all', []), Failed);
});

/** A folder for environments, and a machine on which the named programs work; it remembers what was run. */
function machine(programs: string[], failing = '', output = ''): { folder: string; fake: Run; ran: string[] } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'codeassist-'));
  const ran: string[] = [];
  const fake: Run = async (program, args) => {
    const line = [path.basename(program), ...args].join(' ');
    if (path.isAbsolute(program) ? !fs.existsSync(program) : !programs.includes(program)) throw new Failed('ENOENT', '');
    ran.push(line);
    const made = args[0] === 'venv' ? args.at(-1) : args[1] === 'venv' ? args[2] : undefined;
    if (made) fs.mkdirSync(path.dirname(interpreter(made)), { recursive: true });
    if (made) fs.writeFileSync(interpreter(made), '');
    if (failing && line.includes(failing)) throw new Failed('ended with 1', output);
    return '';
  };
  return { folder, fake, ran };
}

test('uv makes the environment where it is there', async () => {
  const { folder, fake, ran } = machine(['uv', 'python3']);
  await make(path.join(folder, 'server'), '/x/codeassist.whl', fake, {});
  assert.ok(fs.existsSync(interpreter(path.join(folder, 'server'))));
  assert.deepEqual(ran.map((line) => line.split(' ').slice(0, 2).join(' ')), ['uv --version', 'uv venv', 'uv pip']);
  assert.ok(ran[1]?.includes(' --seed '), 'models are downloaded with pip');
  assert.ok(ran.at(-1)?.endsWith('/x/codeassist.whl[embedded]'));
  assert.deepEqual(fs.readdirSync(folder), ['server']);
});

test('python makes it where there is no uv', async () => {
  const { folder, fake, ran } = machine(['python3', 'python']);
  await make(path.join(folder, 'server'), '/x/codeassist.whl', fake, {});
  assert.ok(ran.some((line) => line.includes('-m venv')) && ran.at(-1)?.includes('pip'));
});

test('nothing is left of an environment that could not be made, and the reason is told', async () => {
  const { folder, fake } = machine(['python3', 'python'], 'pip', 'WARNING: Retrying\nNewConnectionError: Temporary failure in name resolution\n');
  await assert.rejects(make(path.join(folder, 'server'), '/x.whl', fake, {}), (error) => error instanceof NotMade && /cannot be reached/.test(error.message));
  assert.deepEqual(fs.readdirSync(folder), []);
  const bare = machine([]);
  await assert.rejects(make(path.join(bare.folder, 'server'), '/x.whl', bare.fake, {}), /neither uv nor Python 3\.10/);
});

test('what another window made meanwhile is taken', async () => {
  const { folder, fake } = machine(['uv']);
  const environment = path.join(folder, 'server');
  const meanwhile: Run = async (program, args, options) => {
    const said = await fake(program, args, options);
    if (args[0] !== 'pip') return said;
    fs.mkdirSync(path.dirname(interpreter(environment)), { recursive: true });
    fs.writeFileSync(interpreter(environment), 'theirs');
    return said;
  };
  await make(environment, '/x.whl', meanwhile, {});
  assert.equal(fs.readFileSync(interpreter(environment), 'utf8'), 'theirs');
  assert.deepEqual(fs.readdirSync(folder), ['server']);
});

test('an environment whose Python is gone or broken is replaced', async () => {
  for (const broken of ['gone', 'broken']) {
    const { folder, fake } = machine(['uv']);
    const environment = path.join(folder, 'server');
    fs.mkdirSync(path.dirname(interpreter(environment)), { recursive: true });
    fs.writeFileSync(path.join(environment, 'pyvenv.cfg'), '');
    if (broken === 'broken') fs.writeFileSync(interpreter(environment), 'broken');
    const here: Run = async (program, args, options) => {
      if (program === interpreter(environment)) throw new Failed('ended with 1', '');
      return fake(program, args, options);
    };
    await make(environment, '/x.whl', here, {});
    assert.equal(fs.readFileSync(interpreter(environment), 'utf8'), '');
    assert.deepEqual(fs.readdirSync(folder), ['server']);
  }
});

test('an environment that works is left alone', async () => {
  const { folder, fake, ran } = machine(['uv']);
  const environment = path.join(folder, 'server');
  await make(environment, '/x.whl', fake, {});
  ran.length = 0;
  await make(environment, '/x.whl', fake, {});
  assert.deepEqual(ran, ['python -m codeassist --version']);
});

test('two installations at a time do not disturb one another', async () => {
  const { folder, fake } = machine(['uv']);
  const environment = path.join(folder, 'server');
  await Promise.all([make(environment, '/x.whl', fake, {}), make(environment, '/x.whl', fake, {})]);
  assert.ok(fs.existsSync(interpreter(environment)));
  assert.deepEqual(fs.readdirSync(folder), ['server']);
});

test('nothing is left of what was cancelled, however late', async () => {
  const { folder, fake } = machine(['uv']);
  const stop = new AbortController();
  const late: Run = (program, args, options) => {
    if (args[0] === 'pip') stop.abort();
    return fake(program, args, options);
  };
  await assert.rejects(make(path.join(folder, 'server'), '/x.whl', late, { signal: stop.signal }), /cancelled/);
  assert.deepEqual(fs.readdirSync(folder), []);
});

test('a newer Python beside one that is too old is found', { skip: process.platform === 'win32' }, async () => {
  const { folder, fake, ran } = machine(['python3.12']);
  await make(path.join(folder, 'server'), '/x.whl', fake, {});
  assert.ok(ran.some((line) => line.startsWith('python3.12 -m venv')));
});

test('what nobody uses any more is removed, and nothing else', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'codeassist-'));
  const now = Date.now();
  const ages = { 'server-0.2.0': 50, 'server-0.1.0': 31, 'server-0.1.9': 29, 'server-0.2.0.12ab': 2, 'server-0.2.0.34cd': 0.5, 'server-0.1.0.1234': 2, other: 99 };
  for (const [name, days] of Object.entries(ages)) {
    fs.mkdirSync(path.join(folder, name));
    const then = new Date(now - days * 86_400_000);
    fs.utimesSync(path.join(folder, name), then, then);
  }
  await tidy(path.join(folder, 'server-0.2.0'), now);
  assert.deepEqual(fs.readdirSync(folder).sort(), ['other', 'server-0.1.9', 'server-0.2.0', 'server-0.2.0.34cd']);
  assert.ok(now - fs.statSync(path.join(folder, 'server-0.2.0')).mtimeMs < 1_000, 'another version sees that it is used');
  await tidy(path.join(folder, 'nowhere', 'server-0.2.0'));
});

test('reasons say what to do', () => {
  const of = (output: string): string => reason(new Failed('ended with 1', output));
  assert.match(of('error: Request failed\n  Caused by: error sending request for url'), /cannot be reached/);
  assert.match(of('The virtual environment was not created successfully because ensurepip is not\navailable.'), /python3-venv/);
  assert.match(of('OSError: [Errno 28] No space left on device'), /disk is full/);
  assert.equal(of('a\nERROR: No matching distribution found for xllamacpp\n'), 'ERROR: No matching distribution found for xllamacpp');
  assert.equal(of(''), 'ended with 1');
});

test('the command line gets the settings that the language server has', () => {
  const settings = { server: { url: 'unix:///a b', fallback_urls: ['x'] }, completion: { server: { model: 'm' }, enabled: false, max_lines: 3 } };
  assert.deepEqual(environmentVariables(settings), {
    CODEASSIST_SERVER__URL: 'unix:///a b',
    CODEASSIST_SERVER__FALLBACK_URLS: '["x"]',
    CODEASSIST_COMPLETION__SERVER__MODEL: 'm',
    CODEASSIST_COMPLETION__ENABLED: 'false',
    CODEASSIST_COMPLETION__MAX_LINES: '3',
  });
});

test('a download tells how far it is', () => {
  assert.equal(percentage('Downloading qwen2.5-coder-0.5b. 265 of 530 MB'), 50);
  assert.equal(percentage('x 1,500 of 1,000 MB'), 100);
  assert.equal(percentage('Verifying.'), undefined);
});
