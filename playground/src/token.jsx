// The bar at the top: whose page this is, the token, and who one is with it. The token stays in memory: nothing of it is
// stored, and a reload forgets it.
import { useEffect, useId, useState } from 'react';
import { ask } from './api.js';

const roles = { SUPER_ADMIN: 'super admin', ADMIN: 'admin', MEMBER: 'member' };

export function Bar({ token, onToken }) {
  const field = useId();
  const status = useId();
  const { text, kind } = useCaller(token);
  return (
    <header className="bar">
      <h1>Cohort<span> playground</span></h1>
      <label htmlFor={field}>Token</label>
      <input
        id={field}
        className="token"
        type="text"
        autoComplete="off"
        autoCapitalize="off"
        autoCorrect="off"
        spellCheck={false}
        placeholder="eyJ…, which is kept in this page only"
        aria-describedby={status}
        aria-invalid={kind === 'wrong'}
        value={token}
        onChange={event => onToken(event.target.value.trim().replace(/^bearer\s+/i, ''))}
      />
      <p id={status} className={`caller ${kind}`} role="status">{text}</p>
      <nav aria-label="The API">
        <a href="schema.graphql">Schema</a>
      </nav>
    </header>
  );
}

export const looksLikeOne = token => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

// Who the token says one is, or why it is refused.
function useCaller(token) {
  const [caller, setCaller] = useState({ text: '', kind: 'none' });
  useEffect(() => {
    if (!token) {
      setCaller({ text: 'Without a token nothing is answered.', kind: 'none' });
      return undefined;
    }
    if (!looksLikeOne(token)) {
      setCaller({ text: 'This is no token: one has three parts with dots between them.', kind: 'wrong' });
      return undefined;
    }
    let late = false;
    ask(token, '{ viewer { role account { name } user { displayName } } }').then(
      ({ viewer }) => !late && setCaller({ text: `${viewer.user?.displayName ?? 'A program'}, ${roles[viewer.role]} of ${viewer.account.name}`, kind: 'known' }),
      error => !late && setCaller({ text: error.message, kind: 'wrong' }),
    );
    return () => { late = true; };
  }, [token]);
  return caller;
}
