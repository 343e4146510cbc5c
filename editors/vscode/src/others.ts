import * as vscode from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';

/** What our own diagnostics say that they are from. */
export const SOURCE = 'codeassist';

/** Tells a server that runs what linters and type checkers say of its documents: it does not say the same again. */
export function tellOfOthers(client: LanguageClient, selector: vscode.DocumentSelector): vscode.Disposable {
  const told = new Map<string, string>();
  const tell = (document: vscode.TextDocument): void => {
    if (!client.isRunning() || vscode.languages.match(selector, document) === 0) return;
    const uri = client.code2ProtocolConverter.asUri(document.uri);
    const diagnostics = vscode.languages
      .getDiagnostics(document.uri)
      .filter(({ source, severity }) => source !== SOURCE && severity <= vscode.DiagnosticSeverity.Warning)
      .map(({ range, severity, source }) => ({ range: client.code2ProtocolConverter.asRange(range), severity: severity + 1, source: source ?? '' }));
    const now = JSON.stringify(diagnostics);
    if (now === (told.get(uri) ?? '[]')) return; // Our own findings changed.
    told.set(uri, now);
    client.sendNotification('codeassist/otherDiagnostics', { textDocument: { uri }, diagnostics }).catch(() => undefined); // The server ended.
  };
  vscode.workspace.textDocuments.forEach(tell); // Linters are often there first.
  return vscode.Disposable.from(
    vscode.languages.onDidChangeDiagnostics(({ uris }) => {
      const changed = new Set(uris.map(String));
      vscode.workspace.textDocuments.filter(({ uri }) => changed.has(uri.toString())).forEach(tell);
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => told.delete(client.code2ProtocolConverter.asUri(uri))),
  );
}
