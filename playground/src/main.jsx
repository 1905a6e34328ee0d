import './workers.js';
import 'monaco-graphql/esm/monaco-editor.js'; // which GraphiQL loads later: its styles must be there by then
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import '@graphiql/plugin-explorer/style.css';
import 'graphiql/graphiql.css';
import './style.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from './api.js';
import { examples } from './examples.js';
import { EXAMPLES_PLUGIN, Token } from './panel.jsx';
import { Bar, looksLikeOne } from './token.jsx';

const plugins = [EXAMPLES_PLUGIN, explorerPlugin(), HISTORY_PLUGIN];

function Playground({ given }) {
  const [token, setToken] = useState(given);
  const usable = looksLikeOne(token) ? token : ''; // so that none is sent while it is typed
  const api = useMemo(() => connect(usable), [usable]);
  useEffect(() => api.close, [api]);
  return (
    <Token value={usable}>
      <Bar token={token} onToken={setToken} />
      <main>
        <GraphiQL
          fetcher={api.fetcher}
          schema={usable ? undefined : null} // without a token the schema is not told
          plugins={plugins}
          visiblePlugin={EXAMPLES_PLUGIN}
          defaultQuery={examples[0].query}
          defaultEditorToolsVisibility="variables"
          isHeadersEditorEnabled={false} // the token has its own field
          shouldPersistHeaders={false}
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo>{' '}</GraphiQL.Logo>
        </GraphiQL>
      </main>
    </Token>
  );
}

// The demo's token, which the server puts into the page.
function demoToken() {
  const meta = document.querySelector('meta[name="cohort-demo-token"]');
  const token = meta?.content ?? '';
  meta?.remove();
  return token;
}

createRoot(document.getElementById('playground')).render(<Playground given={demoToken()} />);
