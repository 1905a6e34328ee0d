// The pane with the examples. A click puts one into a tab, with the ids it needs, in place of an example that nobody has
// changed; what changes nothing runs at once.
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { parse } from 'graphql';
import { createContext, useContext, useEffect, useState } from 'react';
import { ask } from './api.js';
import { examples } from './examples.js';

export const Token = createContext('');

export const EXAMPLES_PLUGIN = { title: 'Examples', icon: Icon, content: Examples };

function Icon() {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M4 6h16M4 12h10M4 18h7" strokeLinecap="round" />
      <path d="m16 14.5 5 3-5 3z" fill="currentColor" strokeLinejoin="round" />
    </svg>
  );
}

function Examples() {
  const token = useContext(Token);
  const [said, setSaid] = useState('');
  useEffect(() => setSaid(''), [token]);
  const open = useOpen();
  const schema = useGraphiQL(state => state.schema);
  const shown = examples.filter(({ needs }) => !needs || schema?.getSubscriptionType()?.getFields()[needs]);
  const click = async example => {
    if (!token) {
      setSaid('Put a token into the field above first.');
      return;
    }
    try {
      setSaid('');
      const variables = example.variables?.(example.lookup ? await ask(token, example.lookup) : {});
      if (variables === null) setSaid(`The account has nothing to show “${example.title}” with yet.`);
      else open(example.query, variables);
    } catch (error) {
      setSaid(error.message);
    }
  };
  return (
    <section aria-label="Examples" className="examples">
      <h2 className="graphiql-doc-explorer-title">Examples</h2>
      {token
        ? <p>Those that change something wait for the run button, the others run at once.</p>
        : (
          <div className="hint">
            <p>Put a token above. Whoever runs the server makes one on its machine, with the settings that the server has:</p>
            <pre><code>cohort token --user EMAIL --expires 1h</code></pre>
            <p>Where there is no account yet, this makes one with its first super admin:</p>
            <pre><code>cohort account create NAME --admin EMAIL</code></pre>
          </div>
        )}
      <p role="alert" className="said">{said}</p>
      {[...new Set(shown.map(({ section }) => section))].map(section => (
        <div key={section}>
          <h3>{section}</h3>
          <ul>
            {shown.filter(example => example.section === section).map(example => (
              <li key={example.title}>
                <button type="button" aria-disabled={!token} onClick={() => click(example)}>
                  <strong>{example.title}</strong>
                  <span>{example.about}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}

function useOpen() {
  const { addTab, setOperationFacts, updateActiveTabValues, stop, run } = useGraphiQLActions();
  const { queryEditor, variableEditor, responseEditor } = useGraphiQL(state => ({
    queryEditor: state.queryEditor, variableEditor: state.variableEditor, responseEditor: state.responseEditor,
  }));
  return (query, object) => {
    const document = parse(query);
    const [operation] = document.definitions;
    const operationName = operation.name.value;
    const variables = object ? JSON.stringify(object, null, 2) : '';
    stop();
    const present = queryEditor.getValue().trim();
    if (present && !examples.some(example => example.query === present)) addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
    responseEditor.setValue('');
    updateActiveTabValues({ query, variables, operationName, response: null });
    // The editor would tell it later, and `run` wants the name now.
    setOperationFacts({ documentAST: document, operationName, operations: [operation] });
    if (operation.operation !== 'mutation') run();
  };
}
