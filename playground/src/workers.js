// Where the editors find their workers: beside this very file, on this server. Imported before anything of the editors.
const folder = new URL('.', import.meta.url);
const names = { json: 'json.js', graphql: 'graphql.js' };

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new Worker(new URL(names[label] ?? 'editor.js', folder), { type: 'module' }),
};
