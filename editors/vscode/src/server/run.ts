import { spawn, type ChildProcess } from 'node:child_process';

/** A program that ended with an error, or could not be started. `output` is the end of all that it wrote. */
export class Failed extends Error {
  constructor(
    message: string,
    readonly output: string,
  ) {
    super(message);
  }
}

export interface Options {
  /** Gets each line of its output, of both kinds, as soon as it is there. */
  onLine?: (line: string) => void;
  /** Ends it, and what it started; only then the promise is rejected. */
  signal?: AbortSignal;
  env?: Record<string, string>;
  limitMs?: number;
}

/** Runs a program to its end and returns the end of all that it wrote. */
export type Run = (program: string, args: readonly string[], options?: Options) => Promise<string>;

/** Programs are started in our own folder, which has nothing that they could take for theirs: Windows and `python -m`
 * look for programs and modules there first, before the workspace's folder or the user's could matter. */
export const FOLDER = __dirname;

/** A program may write without end, on one line too. */
const KEPT = 1_000_000;
const LONGEST_LINE = 10_000;
const ENDS_WITHIN_MS = 2_000;

export const run: Run = (program, args, { onLine, signal, env, limitMs } = {}) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) throw new Failed('cancelled', '');
    const child = spawn(program, args, {
      cwd: FOLDER,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      detached: process.platform !== 'win32', // A process group of its own can be ended as a whole.
    });
    let output = '';
    let begun = '';
    let cause: string | undefined;
    let killing: NodeJS.Timeout | undefined;
    const settle = (failure?: string): void => {
      clearTimeout(limit);
      clearTimeout(killing);
      signal?.removeEventListener('abort', cancel);
      if (failure === undefined) resolve(output);
      else reject(new Failed(failure, output));
    };
    const end = (why: string): void => {
      if (cause) return;
      cause = why;
      signalAll(child, 'SIGTERM');
      killing = setTimeout(() => {
        signalAll(child, 'SIGKILL');
        child.stdout.destroy();
        child.stderr.destroy();
        settle(why);
      }, ENDS_WITHIN_MS);
    };
    const cancel = (): void => end('cancelled');
    const limit = limitMs ? setTimeout(() => end(`no answer within ${limitMs / 1000} s`), limitMs) : undefined;
    signal?.addEventListener('abort', cancel);
    const tell = (line: string): void => {
      if (line.trim()) onLine?.(line.slice(0, LONGEST_LINE));
    };
    const take = (piece: string): void => {
      output += piece;
      if (output.length > 2 * KEPT) output = output.slice(-KEPT);
      const lines = (begun + piece).split(/\r\n|\n|\r/);
      begun = lines.pop() ?? '';
      begun = begun.slice(0, LONGEST_LINE);
      for (const line of lines) tell(line);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', (error) => settle(cause ?? error.message));
    child.on('close', (code, killedBy) => {
      tell(begun);
      settle(cause ?? (code === 0 ? undefined : killedBy ? `ended by ${killedBy}` : `ended with ${code}`));
    });
  });

/** What it started has its pipes, and would go on: an installation in a folder that is removed, for example. */
function signalAll(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    spawn('taskkill', ['/pid', String(child.pid), '/t', '/f'], { stdio: 'ignore', windowsHide: true }).on('error', () => child.kill());
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}
