import * as vscode from 'vscode';

type Report = vscode.Progress<{ message?: string; increment?: number }>;

const running = new Set<AbortController>();

/** Do `work` under a message that shows how far it is and has a button to cancel. True if it was done, false if it was
 * cancelled, which the user knows. */
export async function cancellable(title: string, work: (progress: Report, signal: AbortSignal) => Promise<unknown>): Promise<boolean> {
  const stop = new AbortController();
  running.add(stop);
  try {
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title, cancellable: true }, (progress, token) => {
      token.onCancellationRequested(() => stop.abort());
      return work(progress, stop.signal);
    });
    return true;
  } catch (error) {
    if (stop.signal.aborted) return false;
    throw error;
  } finally {
    running.delete(stop);
  }
}

/** The window closes: programs would go on without anybody. */
export function cancelAll(): void {
  for (const stop of running) stop.abort();
}
