package models

import (
	"encoding/json"
	"time"
)

// feedMessage is what all entries have in a webhook's message. Names and values are those of the schema.
type feedMessage struct {
	Type        string       `json:"__typename"`
	Number      ChangeNumber `json:"number"`
	Time        time.Time    `json:"time"`
	OperationID string       `json:"operationId"`
	Action      ChangeAction `json:"action"`
}

// MarshalJSON writes the entry as a webhook's message has it: all fields that the type has in the schema, under their names, with
// `__typename` in front.
func (c *ChangeEntry) MarshalJSON() ([]byte, error) {
	common := feedMessage{Number: c.Number, Time: c.Time.UTC(), OperationID: c.OperationID.String(), Action: c.Action}
	switch change := c.Typed().(type) {
	case *UserChange:
		common.Type = "UserChange"
		after, err := change.After()
		if err != nil {
			return nil, err
		}
		return json.Marshal(struct {
			feedMessage
			UserID string       `json:"userId"`
			After  *ChangedUser `json:"after"`
		}{common, change.UserID().String(), after})
	case *UserStatusChange:
		common.Type = "UserStatusChange"
		is, err := change.after()
		if err != nil {
			return nil, err
		}
		if is.StatusReasons == nil {
			is.StatusReasons = []SuspensionReason{}
		}
		return json.Marshal(struct {
			feedMessage
			UserID        string             `json:"userId"`
			Status        UserStatus         `json:"status"`
			StatusReasons []SuspensionReason `json:"statusReasons"`
		}{common, change.UserID().String(), is.Status, is.StatusReasons})
	case *UserProductChange:
		common.Type = "UserProductChange"
		return json.Marshal(struct {
			feedMessage
			UserID    string `json:"userId"`
			ProductID string `json:"productId"`
		}{common, change.UserID().String(), change.ProductID().String()})
	case *GroupChange:
		common.Type = "GroupChange"
		after, err := change.After()
		if err != nil {
			return nil, err
		}
		return json.Marshal(struct {
			feedMessage
			GroupID string        `json:"groupId"`
			After   *ChangedGroup `json:"after"`
		}{common, change.GroupID().String(), after})
	case *MembershipChange:
		common.Type = "MembershipChange"
		return json.Marshal(struct {
			feedMessage
			UserID  string `json:"userId"`
			GroupID string `json:"groupId"`
		}{common, change.UserID().String(), change.GroupID().String()})
	case *NestingChange:
		common.Type = "NestingChange"
		return json.Marshal(struct {
			feedMessage
			ChildID  string `json:"childId"`
			ParentID string `json:"parentId"`
		}{common, change.ChildID().String(), change.ParentID().String()})
	}
	panic("a change of no type")
}
