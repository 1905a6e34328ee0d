package roster

// Held says how many accounts are in memory, and about how many bytes they take.
func (c *Cache) Held() (accounts int, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.size > 0 && !e.large.Load() {
			accounts++
			bytes += e.size
		}
	}
	return accounts, bytes
}
