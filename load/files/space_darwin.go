package files

// quotaLeft tells nothing here.
func quotaLeft(string) Space { return Space{-1, -1} }
