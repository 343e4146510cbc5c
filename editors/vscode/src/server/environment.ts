import * as fs from 'node:fs/promises';
import * as path from 'node:path';
import { Failed, type Options, type Run } from './run';

/** Why no environment could be made, in one or two sentences that say what to do. */
export class NotMade extends Error {}

/** Below it nothing of ours runs. */
const OLDEST_PYTHON = [3, 10] as const;
const PYTHONS = process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python'];
const LOOK_LIMIT_MS = 10_000;

/** The interpreter of an environment. */
export function interpreter(environment: string): string {
  return process.platform === 'win32' ? path.join(environment, 'Scripts', 'python.exe') : path.join(environment, 'bin', 'python');
}

/** Makes an environment with the wheel and what it needs, from the user's package index; all of it or nothing.
 * `environment` must not exist. Throws NotMade; what was begun is removed then, after a cancellation too. */
export async function make(environment: string, wheel: string, run: Run, options: Options): Promise<void> {
  const begun = `${environment}.${process.pid}`;
  try {
    await fs.rm(begun, { recursive: true, force: true });
    await fs.mkdir(path.dirname(begun), { recursive: true });
    await fill(begun, `${wheel}[embedded]`, run, options);
    // Environments may be moved as long as nobody calls their scripts; `python -m` does not.
    await fs.rename(begun, environment).catch(async (error: unknown) => {
      await fs.access(interpreter(environment)).catch(() => Promise.reject(error)); // Another window was first.
    });
  } catch (error) {
    if (error instanceof NotMade) throw error;
    throw new NotMade(reason(error));
  } finally {
    await fs.rm(begun, { recursive: true, force: true });
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
  if (!python) throw new NotMade(`There is neither uv nor Python ${OLDEST_PYTHON.join('.')} or later on the search path; install one of them.`);
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
