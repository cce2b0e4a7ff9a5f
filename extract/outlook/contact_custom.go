package outlook

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// maxCustom bounds the fields that are taken from one item.
const maxCustom = 256

// customFields returns the fields that the owner made up: Outlook keeps them by their names among the public strings
// (MS-OXPROPS 1.3.2). So do programs keep what is no field to a person; what is known to be that is left out.
func (m *message) customFields() []formats.Property {
	var list []formats.Property
	for p, err := range allNamed(m.p) {
		if p.Name == nil || p.Name.Set != mapi.PSPublicStrings || !isField(p.Name.String) || len(list) >= maxCustom {
			continue
		}
		if err != nil {
			m.lose("field "+strconv.Quote(oneLine(p.Name.String)), err)
		}
		value := m.fieldText(p.Value)
		if value == "" {
			continue
		}
		field := formats.Property{
			Name: "X-PST-" + fieldName(p.Name.String), Value: value,
			Params: []formats.Param{{Name: "X-NAME", Value: oneLine(p.Name.String)}},
		}
		list = append(list, field)
	}
	return list
}

// allNamed yields the properties that have a name, as cheaply as the set can.
func allNamed(p mapi.Properties) iter.Seq2[mapi.Property, error] {
	if p, ok := p.(mapi.NamedProperties); ok {
		return p.AllNamed()
	}
	return p.All()
}

// programFields are names of public strings that programs use among themselves, and the calendar's own, which have places
// elsewhere (MS-OXPROPS 2).
var programFields = map[string]bool{
	"Keywords": true, "content-class": true, "content-type": true,
	"AttachmentProviderType": true, "AttachmentPermissionType": true, "AttachmentOriginalPermissionType": true,
	"DRMServerLicenseCompressed": true, "ExchangeApplicationFlags": true, "ExchangeIntendedBusyStatus": true, "ExchangeJunkEmailMoveStamp": true,
	"ExchangeModifyExceptionStructure": true, "ExchangeNoModifyExceptions": true, "ExchangePatternEnd": true, "ExchangePatternStart": true,
	"ExchangeReminderInterval": true, "ExchDatabaseSchema": true, "ExchDataExpectedContentClass": true, "ExchDataSchemaCollectionReference": true,
	"OMSAccountGuid": true, "OMSMobileModel": true, "OMSScheduleTime": true, "OMSServiceType": true, "OMSSourceType": true,
	"OnlineMeetingConfLink": true, "OnlineMeetingExternalLink": true, "OnlineMeetingInternalLink": true, "PhishingStamp": true,
	"QuarantineOriginalSender": true, "RightsManagementLicense": true, "SkypeTeamsMeetingUrl": true, "SkypeTeamsProperties": true,
}

// isField reports whether the name of a public string is one that a person chose. Those of programs have a schema before a
// colon or a "#", or begin as a header field does, or are known.
func isField(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsAny(name, ":#/") && !strings.HasPrefix(strings.ToLower(name), "x-ms-") && !programFields[name]
}

// fieldName returns what of a field's name can stand in the name of a property, in capitals; "FIELD" where nothing can.
func fieldName(name string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(name) {
		switch {
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if s := strings.TrimSuffix(b.String(), "-"); s != "" {
		return s
	}
	return "FIELD"
}

// fieldText returns the value of a field of any type that Outlook's dialogue offers, and "" for those that it does not
// and for empty ones.
func (m *message) fieldText(v mapi.Value) string {
	switch v.Type {
	case mapi.String, mapi.String8:
		return block(v.Text(m.cp))
	case mapi.MultiString, mapi.MultiString8:
		var list []string
		for _, s := range v.Texts(m.cp) {
			if s = oneLine(s); s != "" {
				list = append(list, s)
			}
		}
		return strings.Join(list, ", ")
	case mapi.Integer16, mapi.Integer32, mapi.Integer64:
		return strconv.FormatInt(v.Int(), 10)
	case mapi.Currency:
		const unit = 10_000 // MS-OXCDATA 2.11.1: in ten-thousandths
		return strconv.FormatFloat(float64(v.Int())/unit, 'f', -1, 64)
	case mapi.Boolean:
		return strconv.FormatBool(v.Bool())
	case mapi.Floating32, mapi.Floating64:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.FormatFloat(f, 'f', -1, 64)
		}
	case mapi.Time:
		if t := v.Time(); !t.IsZero() {
			return t.Format(time.RFC3339)
		}
	}
	return ""
}
