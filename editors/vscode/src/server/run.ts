import { spawn } from 'node:child_process';
import * as os from 'node:os';

/** A program that ended with an error, or could not be started. `output` is all that it wrote. */
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
  signal?: AbortSignal;
  env?: Record<string, string>;
  limitMs?: number;
}

/** Runs a program to its end and returns all that it wrote. Never in the folder that is worked in: `python -m` and
 * Windows look for programs there first. */
export type Run = (program: string, args: readonly string[], options?: Options) => Promise<string>;

export const run: Run = (program, args, { onLine, signal, env, limitMs } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: os.homedir(),
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(signal && { signal }),
      ...(limitMs && { timeout: limitMs }),
    });
    let output = '';
    let begun = '';
    const take = (piece: string): void => {
      output += piece;
      const lines = (begun + piece).split(/\r\n|\n|\r/);
      begun = lines.pop() ?? '';
      for (const line of lines) if (line.trim()) onLine?.(line);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', (error) => reject(new Failed(error.message, output)));
    child.on('close', (code, killedBy) => {
      if (begun.trim()) onLine?.(begun);
      if (code === 0) resolve(output);
      else reject(new Failed(killedBy ? `ended by ${killedBy}` : `ended with ${code}`, output));
    });
  });
