import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { Failed, type Options, type Run } from './run';

/** Why no environment could be made, in one or two sentences that say what to do. */
export class NotMade extends Error {}

/** Below it nothing of ours runs. */
const OLDEST_PYTHON = [3, 10] as const;
/** Where `python3` is too old (macOS, long-lived Linux), newer ones are often there under their own names. */
const PYTHONS = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python', ...[14, 13, 12, 11, 10].map((minor) => `python3.${minor}`)];
const LOOK_LIMIT_MS = 10_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const UNUSED_DAYS = 30;

/** The interpreter of an environment. */
export function interpreter(environment: string): string {
  return process.platform === 'win32' ? path.join(environment, 'Scripts', 'python.exe') : path.join(environment, 'bin', 'python');
}

/** Makes an environment with the wheel and what it needs, from the user's package index; all of it or nothing. One that
 * is there and works is left alone, one that is broken is replaced: its Python may have been removed by an upgrade.
 * Throws NotMade; what was begun is removed then, after a cancellation too. */
export async function make(environment: string, wheel: string, run: Run, options: Options): Promise<void> {
  // Other windows may be at the same, even of other machines that have the same home.
  const begun = `${environment}.${randomBytes(6).toString('hex')}`;
  const isWell = (): Promise<boolean> => works(interpreter(environment), ['-m', 'codeassist', '--version'], run);
  if (await isWell()) return;
  try {
    await fs.mkdir(path.dirname(begun), { recursive: true });
    await fill(begun, `${wheel}[embedded]`, run, options);
    if (options.signal?.aborted) throw new NotMade('cancelled');
    // Environments may be moved as long as nobody calls their scripts; `python -m` does not.
    await fs.rename(begun, environment).catch(async (error: unknown) => {
      if (await isWell()) return; // Another window was first.
      const broken = `${begun}.old`;
      await fs.rename(environment, broken).catch(() => Promise.reject(error));
      await fs.rename(begun, environment);
      await fs.rm(broken, { recursive: true, force: true }).catch(() => undefined);
    });
  } catch (error) {
    if (error instanceof NotMade) throw error;
    throw new NotMade(reason(error));
  } finally {
    await fs.rm(begun, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined); // `tidy` comes back to it.
  }
}

/** Says that `environment` is used, and removes its neighbours that nobody uses any more: those of other versions of the
 * extension after a month, and what an installation left that was killed, after a day. */
export async function tidy(environment: string, now = Date.now()): Promise<void> {
  const folder = path.dirname(environment);
  const touched = new Date(now);
  await fs.utimes(environment, touched, touched).catch(() => undefined);
  for (const name of await fs.readdir(folder).catch(() => [])) {
    const found = /^server-\d+\.\d+\.\d+(\.[0-9a-f]+(\.old)?)?$/.exec(name);
    const file = path.join(folder, name);
    if (!found || file === environment) continue;
    const age = await fs.stat(file).then(({ mtimeMs }) => now - mtimeMs, () => 0);
    if (age > (found[1] ? 1 : UNUSED_DAYS) * DAY_MS) await fs.rm(file, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function fill(environment: string, requirement: string, run: Run, options: Options): Promise<void> {
  if (await works('uv', ['--version'], run)) {
    // With pip: `codeassist models pull` has the user's index, proxy and certificates from it.
    await run('uv', ['venv', '--seed', '--no-project', '--python', `>=${OLDEST_PYTHON.join('.')}`, environment], options);
    await run('uv', ['pip', 'install', '--python', interpreter(environment), requirement], options);
    return;
  }
  const python = await usable(run);
  if (!python) throw new NotMade(`There is neither uv nor Python ${OLDEST_PYTHON.join('.')} or later on the search path; install one of them, and restart VS Code.`);
  await run(python, ['-m', 'venv', environment], options);
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input', '--retries', '2', 'install', requirement];
  await run(interpreter(environment), pip, options);
}

async function usable(run: Run): Promise<string | undefined> {
  const test = `import sys; sys.exit(sys.version_info < (${OLDEST_PYTHON.join(', ')}))`;
  for (const python of PYTHONS) if (await works(python, ['-c', test], run)) return python;
  return undefined;
}

async function works(program: string, args: string[], run: Run): Promise<boolean> {
  return run(program, args, { limitMs: LOOK_LIMIT_MS }).then(
    () => true,
    () => false,
  );
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /NewConnectionError|Failed to establish|name resolution|getaddrinfo|Name or service not known|dns error|error sending request|Could not connect|unreachable|Connection refused|ConnectTimeout|timed out|ProxyError/i,
    'The package index cannot be reached. Connect to the network, or name the index or proxy that you use (PIP_INDEX_URL or UV_INDEX_URL, HTTPS_PROXY) in the environment of VS Code, and try again.',
  ],
  [/ensurepip is not\s+available|No module named (?:venv|ensurepip)/, 'This Python has no venv. Install it (Debian and Ubuntu: apt install python3-venv), or install uv, and try again.'],
  [/No space left|not enough space/i, 'The disk is full. Make room, and try again.'],
];

/** What the output of a failed installation means for the user. */
export function reason(error: unknown): string {
  if (!(error instanceof Failed)) return error instanceof Error ? error.message : String(error);
  const known = REASONS.find(([pattern]) => pattern.test(error.output));
  const last = error.output.trim().split(/[\r\n]+/).at(-1)?.trim();
  return known?.[1] ?? (last || error.message);
}
