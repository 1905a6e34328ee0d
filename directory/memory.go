package directory

// InMemory says of how many accounts the users and memberships are held in memory, and about how many bytes they
// take.
func (d *Directory) InMemory() (accounts int, bytes int64) { return d.rosters.Held() }
