// A small program in strict TypeScript: who is in a group, and a change of a user.
import { graphql } from '../build/gql/gql.js';
import type { Role, UserUpdateInput } from '../build/gql/graphql.js';
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
