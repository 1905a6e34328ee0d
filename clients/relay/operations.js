// The operations of a screen with the account's users and one with a group's members.
import { graphql } from 'relay-runtime';

export const UsersQuery = graphql`
  query operationsUsersQuery($first: Int!, $search: String) {
    ...operationsUsers @arguments(first: $first, search: $search)
  }
`;

export const Users = graphql`
  fragment operationsUsers on Query
  @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" }, search: { type: "String" })
  @refetchable(queryName: "operationsUsersPageQuery") {
    users(first: $first, after: $after, filter: { search: $search }) @connection(key: "operations_users") {
      __id
      edges {
        node {
          id
          displayName
        }
      }
    }
  }
`;

export const UserCreate = graphql`
  mutation operationsUserCreateMutation($input: UserCreateInput!, $connections: [ID!]!) {
    userCreate(input: $input) {
      userEdge @prependEdge(connections: $connections) {
        node {
          id
          displayName
        }
      }
      groups {
        id
        directMemberCount
      }
      errors {
        code
      }
    }
  }
`;

export const UserUpdate = graphql`
  mutation operationsUserUpdateMutation($input: UserUpdateInput!) {
    userUpdate(input: $input) {
      user {
        id
        displayName
      }
      errors {
        code
      }
    }
  }
`;

export const UserDelete = graphql`
  mutation operationsUserDeleteMutation($input: UserDeleteInput!) {
    userDelete(input: $input) {
      deletedUserId @deleteRecord
      groups {
        id
        directMemberCount
      }
      errors {
        code
      }
    }
  }
`;

export const MembersQuery = graphql`
  query operationsMembersQuery($id: ID!, $first: Int!) {
    group(by: { id: $id }) {
      id
      directMemberCount
      ...operationsMembers @arguments(first: $first)
    }
  }
`;

export const Members = graphql`
  fragment operationsMembers on Group
  @argumentDefinitions(first: { type: "Int!" }, after: { type: "String" })
  @refetchable(queryName: "operationsMembersPageQuery") {
    members(first: $first, after: $after, relation: DIRECT) @connection(key: "operations_members") {
      __id
      edges {
        direct
        node {
          id
        }
      }
    }
  }
`;

export const MembersAdd = graphql`
  mutation operationsMembersAddMutation($input: GroupMembersAddInput!, $connections: [ID!]!) {
    groupMembersAdd(input: $input) {
      results {
        outcome
        memberEdge @appendEdge(connections: $connections) {
          direct
          node {
            id
          }
        }
      }
      groups {
        id
        directMemberCount
      }
    }
  }
`;

export const MembersRemove = graphql`
  mutation operationsMembersRemoveMutation($input: GroupMembersRemoveInput!, $connections: [ID!]!) {
    groupMembersRemove(input: $input) {
      results {
        outcome
        userId @deleteEdge(connections: $connections)
      }
      groups {
        id
        directMemberCount
      }
    }
  }
`;

export const GroupNest = graphql`
  mutation operationsGroupNestMutation($input: GroupNestInput!, $connections: [ID!]!) {
    groupNest(input: $input) {
      childEdge @appendEdge(connections: $connections) {
        node {
          id
        }
      }
      errors {
        code
      }
    }
  }
`;

export const GroupsDelete = graphql`
  mutation operationsGroupsDeleteMutation($input: GroupsDeleteInput!) {
    groupsDelete(input: $input) {
      deletedGroupIds @deleteRecord
      errors {
        code
      }
    }
  }
`;
