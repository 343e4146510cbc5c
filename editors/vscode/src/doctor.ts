import * as vscode from 'vscode';
import type { Codeassist } from './server/find';
import { run } from './server/run';

/** Shows what works and what does not, as the doctor finds it out. */
export class Doctor implements vscode.Disposable {
  private channel: vscode.OutputChannel | undefined;

  async examine(server: Codeassist, env: Record<string, string>): Promise<void> {
    const channel = (this.channel ??= vscode.window.createOutputChannel('codeassist doctor'));
    channel.clear();
    channel.show();
    channel.appendLine(`${[server.program, ...server.args].join(' ')} doctor`);
    await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'codeassist: examining' }, async () => {
      const onLine = (line: string): void => channel.appendLine(line);
      await run(server.program, [...server.args, 'doctor'], { onLine, env }).then(
        () => channel.appendLine('All is well.'),
        () => channel.appendLine('Something is wrong; the lines that begin with FAIL say what.'),
      );
    });
  }

  dispose(): void {
    this.channel?.dispose();
  }
}
