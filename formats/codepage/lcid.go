package codepage

// FromLCID returns the ANSI code page of a Windows locale id (MS-LCID 2.2), as PR_MESSAGE_LOCALE_ID holds it. It is
// [Default] for locales that have none, and for those that are not known.
func FromLCID(lcid uint32) int {
	// The high half is the sort order. Of the low half, ten bits are the language and six the country or script.
	switch lcid & 0xFFFF {
	case 0x0404, 0x0C04, 0x1404, 0x7C04: // Chinese: Taiwan, Hong Kong, Macao, Traditional
		return 950
	case 0x041A, 0x081A, 0x101A, 0x141A, 0x181A, 0x241A, 0x2C1A: // Croatian; Serbian and Bosnian in Latin script
		return 1250
	case 0x0C1A, 0x1C1A, 0x201A, 0x281A, 0x301A, 0x6C1A, 0x641A, 0x7C1A: // Serbian and Bosnian in Cyrillic script
		return 1251
	case 0x082C, 0x742C, 0x0843, 0x7843: // Azerbaijani and Uzbek in Cyrillic script
		return 1251
	case 0x0846, 0x7C46, 0x0859, 0x7C59, 0x0492, 0x7C92: // Punjabi, Sindhi and Kurdish in Arabic script
		return 1256
	}
	switch lcid & 0x3FF {
	case 0x04: // Chinese
		return 936
	case 0x11: // Japanese
		return 932
	case 0x12: // Korean
		return 949
	case 0x1E: // Thai
		return 874
	case 0x05, 0x0E, 0x15, 0x18, 0x1A, 0x1B, 0x1C, 0x24, 0x42:
		// Czech, Hungarian, Polish, Romanian, Croatian, Slovak, Albanian, Slovenian, Turkmen
		return 1250
	case 0x02, 0x19, 0x22, 0x23, 0x28, 0x2F, 0x3F, 0x40, 0x44, 0x50, 0x6D, 0x85:
		// Bulgarian, Russian, Ukrainian, Belarusian, Tajik, Macedonian, Kazakh, Kyrgyz, Tatar, Mongolian, Bashkir, Sakha
		return 1251
	case 0x08: // Greek
		return 1253
	case 0x1F, 0x2C, 0x43: // Turkish, Azerbaijani, Uzbek
		return 1254
	case 0x0D: // Hebrew
		return 1255
	case 0x01, 0x20, 0x29, 0x80, 0x8C: // Arabic, Urdu, Persian, Uyghur, Dari
		return 1256
	case 0x25, 0x26, 0x27: // Estonian, Latvian, Lithuanian
		return 1257
	case 0x2A: // Vietnamese
		return 1258
	}
	return Default
}
