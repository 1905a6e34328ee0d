package directory

import "cohort/models"

// firstCatalogue is what a new account begins with. The migration that brought products gives the same to the
// accounts that were there.
var firstCatalogue = []models.Product{
	{Key: "goto-connect", Name: "GoTo Connect", Family: "Communication"},
	{Key: "goto-meeting", Name: "GoTo Meeting", Family: "Communication", WelcomeOnFirstEnable: true},
	{Key: "goto-webinar", Name: "GoTo Webinar", Family: "Communication", WelcomeOnFirstEnable: true},
	{Key: "goto-room", Name: "GoTo Room", Family: "Communication"},
	{Key: "goto-training", Name: "GoTo Training", Family: "Communication", WelcomeOnFirstEnable: true},
	{Key: "openvoice", Name: "OpenVoice", Family: "Communication", WelcomeOnFirstEnable: true},
	{Key: "grasshopper", Name: "Grasshopper", Family: "Communication"},
	{Key: "join-me", Name: "join.me", Family: "Communication"},
	{Key: "resolve", Name: "Resolve", Family: "IT support"},
	{Key: "resolve-mdm", Name: "Resolve MDM", Family: "IT support"},
	{Key: "pro", Name: "Pro", Family: "Remote access"},
	{Key: "central", Name: "Central", Family: "Remote access"},
	{Key: "rescue", Name: "Rescue", Family: "IT support"},
	{Key: "gotomypc", Name: "GoToMyPC", Family: "Remote access"},
	{Key: "gotoassist", Name: "GoToAssist", Family: "IT support"},
	{Key: "hamachi", Name: "Hamachi", Family: "Remote access"},
	{Key: "remotelyanywhere", Name: "RemotelyAnywhere", Family: "Remote access"},
}

func insertFirstCatalogue(c *change) error {
	products := make([]*models.Product, len(firstCatalogue))
	for i, p := range firstCatalogue {
		products[i] = &p
	}
	return insertProducts(c, products)
}
