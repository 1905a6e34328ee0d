// A small program in strict TypeScript: who is in a group, a change of a user, and a saved filter.
import { graphql } from '../build/gql/gql.js';
import type { Role, UserFilter, UserUpdateInput } from '../build/gql/graphql.js';
import { ask } from './ask.js';

const Members = graphql(`
  query Members($group: GroupBy!, $first: Int) {
    group(by: $group) {
      id
      name
      createdAt
      members(first: $first, relation: ALL) {
        totalCount
        edges {
          direct
          via { name }
          node { id displayName role }
        }
      }
    }
  }
`);

const Update = graphql(`
  mutation Update($input: UserUpdateInput!) {
    userUpdate(input: $input) {
      user { id givenName familyName etag }
      errors { code message path }
    }
  }
`);

const Save = graphql(`
  mutation Save($input: TableViewSaveInput!) {
    tableViewSave(input: $input) {
      tableViews { users { id filters { name filter } } }
      errors { code message path }
    }
  }
`);

const Found = graphql(`
  query Found($filter: UserFilter) {
    users(filter: $filter) { totalCount }
  }
`);

export async function members(url: string, token: string, name: string): Promise<{ name: string; role: Role; direct: boolean }[]> {
  const { group } = await ask(url, token, Members, { group: { name }, first: 100 });
  if (!group) return [];
  const since: string = group.createdAt;
  if (Number.isNaN(Date.parse(since))) throw new Error(`not a time: ${since}`);
  return group.members.edges.map(({ direct, node }) => ({ name: node.displayName, role: node.role, direct }));
}

export async function update(url: string, token: string, input: UserUpdateInput) {
  const { userUpdate } = await ask(url, token, Update, { input });
  return { givenName: userUpdate.user?.givenName, familyName: userUpdate.user?.familyName, codes: userUpdate.errors.map(({ code }) => code) };
}

// Saves a filter under a name, and lists by it as it comes back.
export async function saved(url: string, token: string, name: string, filter: UserFilter): Promise<{ filter: UserFilter; count: number }> {
  const { tableViewSave } = await ask(url, token, Save, { input: { users: { filters: [{ name, filter }] } } });
  const found = tableViewSave.tableViews?.users.filters.find(kept => kept.name === name);
  if (!found) throw new Error(JSON.stringify(tableViewSave.errors));
  const { users } = await ask(url, token, Found, { filter: found.filter });
  return { filter: found.filter, count: users.totalCount };
}

// What must not compile: the test fails if one of these does.
export async function wrong(url: string, token: string) {
  // @ts-expect-error a group may be absent
  (await ask(url, token, Members, { group: { name: 'Support' } })).group.name;
  // @ts-expect-error exactly one way to name a group
  await ask(url, token, Members, { group: { name: 'Support', id: 'group_1' } });
  // @ts-expect-error there is no such field
  (await ask(url, token, Members, { group: { name: 'Support' } })).group?.nonsense;
  // @ts-expect-error the variable is needed
  await ask(url, token, Members, {});
  // @ts-expect-error an id is needed
  await ask(url, token, Update, { input: { givenName: 'Ada' } });
  // @ts-expect-error not one of the languages
  await ask(url, token, Update, { input: { id: 'user_1', locale: 'XX' } });
}
